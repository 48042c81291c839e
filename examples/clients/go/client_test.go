package fronttcp

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve runs a client and returns the server's side of its first connection, with its verify read.
func serve(t *testing.T, options Options) (*Client, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	options.Addr = listener.Addr().String()
	client := New(options)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = client.Run(ctx)
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		conn.Close()
		listener.Close()
		<-ended
	})
	expectCommand(t, conn, cmdVerify)
	return client, conn
}

func expectCommand(t *testing.T, conn net.Conn, command uint32) {
	t.Helper()
	frame, err := ReadFrame(conn, MaxFrameBytes, 0)
	if err != nil || frame.CommandID != command {
		t.Fatalf("in place of %d: %v, %v", command, frame, err)
	}
}

func answer(t *testing.T, conn net.Conn, command uint32, body string) {
	t.Helper()
	if _, err := conn.Write(Encode(Frame{version, command, []byte(body)})); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsSentBehindAFrameThatWasSentInPart(t *testing.T) {
	verified := make(chan struct{})
	client, conn := serve(t, Options{OnEvent: func(event Event) {
		if event.Name == "verified" {
			close(verified)
		}
	}})
	client.writeTimeout = time.Second
	answer(t, conn, cmdVerdict, `{"code":1}`)
	<-verified
	for {
		if _, err := client.Send("you", strings.Repeat("x", 60_000)); err != nil {
			break
		}
	}
	read := make(chan []byte)
	go func() {
		stream, _ := io.ReadAll(conn)
		read <- stream
	}()
	if _, err := client.Send("you", "behind"); err == nil {
		t.Fatal("sent")
	}
	stream := <-read
	for len(stream) >= headerBytes && len(stream) >= int(binary.BigEndian.Uint32(stream)) {
		stream = stream[binary.BigEndian.Uint32(stream):]
	}
	// A header has zeros, a body has none.
	if len(stream) > headerBytes && bytes.IndexByte(stream[headerBytes:], 0) >= 0 {
		t.Fatal("a frame behind a part of one")
	}
}

func TestAHandlerMayTakeLongerThanTheServerMayBeSilent(t *testing.T) {
	beaten := make(chan struct{})
	_, conn := serve(t, Options{OnMessage: func(Message) error {
		<-beaten
		return nil
	}})
	endHandler := sync.OnceFunc(func() { close(beaten) })
	t.Cleanup(endHandler)
	answer(t, conn, cmdVerdict, `{"code":1,"heartbeat_timeout_ms":600}`)
	answer(t, conn, 102, `{"chat_from":"x","chat_content":"y","id":"100"}`)
	// After three and a half of them without a byte, the server counts as dead.
	for beat := 0; beat < 6; beat++ {
		expectCommand(t, conn, cmdHeartbeat)
	}
	endHandler()
	for {
		frame, err := ReadFrame(conn, MaxFrameBytes, 0)
		if err != nil {
			t.Fatal(err)
		}
		if frame.CommandID == cmdAcknowledge {
			return
		}
	}
}
