package fronttcp

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	version = 1100

	cmdVerify, cmdSingle, cmdGroup, cmdBroadcast = 1, 2, 3, 4
	cmdHeartbeat, cmdAcknowledge, cmdReply       = 5, 6, 7
	cmdVerdict, cmdAccepted, cmdRefused          = 101, 110, 111
	cmdGoodbye                                   = 112

	heartbeatEvery   = 30 * time.Second
	missedHeartbeats = 3
	connectTimeout   = 10 * time.Second
	verdictTimeout   = 35 * time.Second
	writeTimeout     = 10 * time.Second
	lasting          = 10 * time.Second
	rememberedIDs    = 10_000
)

// ErrTokenRefused says that the server does not know this token: log in again.
var ErrTokenRefused = errors.New("fronttcp: the token was refused")

// Dismissed says that the server ended this client for good: coming back would throw out its rightful holder, or is pointless.
type Dismissed struct{ Reason string }

func (e *Dismissed) Error() string { return "fronttcp: dismissed: " + e.Reason }

// Message is what somebody sent to this user.
type Message struct {
	CommandID uint32
	From      string
	Content   string
	ID        string
	// Ask is not empty when the sender waits for a reply.
	Ask string
	// Body is the whole message, as it came.
	Body json.RawMessage
}

// Event tells what happens beside the messages.
type Event struct {
	// Name is verified, accepted, refused, goodbye, not_replied or reconnecting.
	Name string
	Body json.RawMessage
}

// Options of a client. Addr, UserID and Token are needed.
type Options struct {
	Addr   string
	UserID string
	Token  string
	// TLS is nil for a connection without it.
	TLS *tls.Config
	// OnMessage handles a message. It is acknowledged when OnMessage returns nil, and comes again on the next connection if not.
	OnMessage func(Message) error
	// OnAsk takes the messages that ask, and returns the reply: what encoding/json can encode. The message is acknowledged
	// after the reply. With an error no reply is sent, and the message comes again on the next connection. If OnAsk is nil,
	// OnMessage gets them, and Reply answers.
	OnAsk   func(Message) (any, error)
	OnEvent func(Event)
	// MaxBackoff bounds the pause before an attempt; 30 s if it is 0.
	MaxBackoff time.Duration
}

// Client keeps one user's connection up until its context ends, the token is refused, or the server dismisses it.
type Client struct {
	options      Options
	writeTimeout time.Duration
	mu           sync.Mutex
	// Nil until the verify is accepted, and after a write has failed.
	conn    net.Conn
	lastRef uint64
	taken   map[string]bool
	order   []string
	replies replies
}

// New makes a client; Run connects it.
func New(options Options) *Client {
	if options.OnMessage == nil {
		options.OnMessage = func(Message) error { return nil }
	}
	if options.OnEvent == nil {
		options.OnEvent = func(Event) {}
	}
	if options.MaxBackoff == 0 {
		options.MaxBackoff = 30 * time.Second
	}
	return &Client{options: options, writeTimeout: writeTimeout, taken: map[string]bool{}}
}

// Run connects and comes back until it may not. It returns ErrTokenRefused, a *Dismissed or the error of the context.
func (c *Client) Run(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		lasted, pause, err := c.converse(ctx)
		var dismissed *Dismissed
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrTokenRefused) || errors.As(err, &dismissed):
			return err
		case lasted >= lasting:
			attempt = 1
		}
		if pause < 0 {
			pause = c.backoff(attempt)
		}
		c.event("reconnecting", map[string]any{"cause": fmt.Sprint(err), "delay_ms": pause.Milliseconds()})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Send sends to one user. It returns the ref that the events accepted and refused carry. Before the event verified, and while
// the client comes back, the error is net.ErrClosed.
func (c *Client) Send(to, content string) (string, error) {
	return c.chat(cmdSingle, map[string]any{"chat_to": to, "chat_content": content})
}

// SendToGroup sends to several users.
func (c *Client) SendToGroup(to []string, content string) (string, error) {
	return c.chat(cmdGroup, map[string]any{"chat_to": to, "chat_content": content})
}

// Broadcast sends to everyone who is connected.
func (c *Client) Broadcast(content string) (string, error) {
	return c.chat(cmdBroadcast, map[string]any{"chat_content": content})
}

// Reply answers a message that asks. The first reply counts; it does not acknowledge. It is sent again when the
// message comes again.
func (c *Client) Reply(message Message, reply any) error {
	body, err := json.Marshal(map[string]any{"ask": message.Ask, "reply": reply})
	if err != nil {
		return err
	}
	if headerBytes+len(body) > MaxFrameBytes {
		return fmt.Errorf("fronttcp: a reply of %d bytes does not fit a frame", len(body))
	}
	if message.Ask != "" {
		c.replies.keep(message.Ask, body)
	}
	return c.write(cmdReply, json.RawMessage(body))
}

func (c *Client) chat(command uint32, body map[string]any) (string, error) {
	c.mu.Lock()
	c.lastRef++
	ref := strconv.FormatUint(c.lastRef, 10)
	c.mu.Unlock()
	body["chat_from"], body["ref"] = c.options.UserID, ref
	return ref, c.write(command, body)
}

func (c *Client) write(command uint32, body any) error {
	frame, err := encode(command, body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return net.ErrClosed
	}
	if err := c.writeTo(c.conn, frame); err != nil {
		endTransfer(c.conn)
		c.conn = nil
		return err
	}
	return nil
}

func (c *Client) writeTo(conn net.Conn, frame []byte) error {
	_ = conn.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	_, err := conn.Write(frame)
	return err
}

func encode(command uint32, body any) ([]byte, error) {
	var payload []byte
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		payload = encoded
	}
	return Encode(Frame{Version: version, CommandID: command, Body: payload}), nil
}

// A part of a frame may have been sent, so nothing may follow it. What came is still read: it may be a goodbye. The reader finds
// the end behind it, and comes back.
func endTransfer(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if plain, ok := conn.(*net.TCPConn); ok {
		_ = plain.CloseWrite()
		_ = plain.CloseRead()
	}
}

// One connection, from its verify to its end: how long it was verified, and the pause that the server named (or -1).
func (c *Client) converse(ctx context.Context) (time.Duration, time.Duration, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return 0, -1, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer c.close(conn)
	verify, err := encode(cmdVerify, map[string]any{
		"phone_number": c.options.UserID, "token": c.options.Token, "max_frame_bytes": MaxFrameBytes,
		"features": []string{"ack", "receipts", "errors", "pong", "goodbye"},
	})
	if err == nil {
		err = c.writeTo(conn, verify)
	}
	if err != nil {
		return 0, -1, err
	}
	return c.listen(conn)
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: connectTimeout}
	if c.options.TLS != nil {
		return (&tls.Dialer{NetDialer: dialer, Config: c.options.TLS}).DialContext(ctx, "tcp", c.options.Addr)
	}
	return dialer.DialContext(ctx, "tcp", c.options.Addr)
}

func (c *Client) close(conn net.Conn) {
	// First: it ends a write that holds the lock.
	conn.Close()
	c.publish(nil)
}

func (c *Client) publish(conn net.Conn) {
	c.mu.Lock()
	c.conn = conn
	c.mu.Unlock()
}

type control struct {
	Code               int    `json:"code"`
	HeartbeatTimeoutMs int64  `json:"heartbeat_timeout_ms"`
	Reason             string `json:"reason"`
	ReconnectAfterMs   *int64 `json:"reconnect_after_ms"`
}

func (c *Client) listen(conn net.Conn) (time.Duration, time.Duration, error) {
	reader := bufio.NewReaderSize(conn, 16<<10)
	pause := time.Duration(-1)
	var verifiedAt time.Time
	var end error
	lasted := func() time.Duration {
		if verifiedAt.IsZero() {
			return 0
		}
		return time.Since(verifiedAt)
	}
	alive := time.AfterFunc(verdictTimeout, func() { conn.Close() })
	defer alive.Stop()
	silence := verdictTimeout
	for {
		// Only while it is read: a handler may take longer than the server may be silent.
		alive.Reset(silence)
		frame, err := ReadFrame(&touching{reader, func() { alive.Reset(silence) }}, MaxFrameBytes, maxSkippedBytes)
		alive.Stop()
		if err != nil {
			if end != nil {
				err = end
			}
			return lasted(), pause, err
		}
		var body control
		switch id := frame.CommandID; {
		case id == cmdVerdict:
			if err := json.Unmarshal(frame.Body, &body); err != nil || body.Code != 1 {
				return 0, -1, ErrTokenRefused
			}
			every := heartbeatEvery
			if third := time.Duration(body.HeartbeatTimeoutMs) * time.Millisecond / 3; third > 0 && third < every {
				every = third
			}
			// Every beat is answered: that many without a byte, and the server is dead.
			silence = missedHeartbeats*every + every/2
			if verifiedAt.IsZero() {
				c.publish(conn)
				done := make(chan struct{})
				defer close(done)
				go c.beat(every, done)
			}
			verifiedAt = time.Now()
			c.options.OnEvent(Event{"verified", frame.Body})
		case id == cmdGoodbye:
			if err := json.Unmarshal(frame.Body, &body); err == nil {
				if body.ReconnectAfterMs != nil {
					pause = time.Duration(*body.ReconnectAfterMs) * time.Millisecond
				}
				if body.Reason == "taken_over" || body.Reason == "logged_out" {
					end = &Dismissed{body.Reason}
				}
			}
			c.options.OnEvent(Event{"goodbye", frame.Body})
		case id == cmdAccepted:
			c.options.OnEvent(Event{"accepted", frame.Body})
		case id == cmdRefused:
			c.options.OnEvent(Event{"refused", frame.Body})
		case id >= 102 && id <= 104, id >= 2000 && id <= 2999:
			if err := c.take(id, frame.Body); err != nil {
				return lasted(), pause, err
			}
		}
		// A heartbeat reply has done its work by coming; what is not known is of a newer server.
	}
}

func (c *Client) beat(every time.Duration, done <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if c.write(cmdHeartbeat, nil) != nil {
				return
			}
		}
	}
}

// What comes twice is not handed over again, but acknowledged again: its acknowledgement was lost with its connection.
func (c *Client) take(command uint32, body []byte) error {
	var fields struct {
		From    string `json:"chat_from"`
		Content string `json:"chat_content"`
		ID      string `json:"id"`
		Ask     string `json:"ask"`
	}
	// Members of an application message may have these names and other types.
	_ = json.Unmarshal(body, &fields)
	message := Message{CommandID: command, From: fields.From, Content: fields.Content, ID: fields.ID, Ask: fields.Ask, Body: body}
	reply := c.replies.of(message.Ask)
	if reply != nil {
		if err := c.write(cmdReply, json.RawMessage(reply)); err != nil {
			return err
		}
	}
	isNew := message.ID == "" || !c.taken[message.ID]
	isForOnAsk := message.Ask != "" && c.options.OnAsk != nil
	switch {
	case !isNew, isForOnAsk && reply != nil:
	case isForOnAsk:
		reply, err := c.options.OnAsk(message)
		if err == nil {
			err = c.Reply(message, reply)
		}
		if err != nil {
			c.event("not_replied", map[string]any{"ask": message.Ask, "cause": err.Error()})
			return nil
		}
	default:
		if err := c.options.OnMessage(message); err != nil {
			return err
		}
	}
	if message.ID == "" {
		return nil
	}
	c.remember(message.ID)
	return c.write(cmdAcknowledge, map[string]any{"ids": []string{message.ID}})
}

func (c *Client) remember(id string) {
	if c.taken[id] {
		return
	}
	c.taken[id] = true
	c.order = append(c.order, id)
	if len(c.order) > rememberedIDs {
		delete(c.taken, c.order[0])
		c.order = c.order[1:]
	}
}

// Full jitter: the clients of a server that died must not all come back at the same moment.
func (c *Client) backoff(attempt int) time.Duration {
	bound := c.options.MaxBackoff
	if attempt <= 6 {
		bound = min(bound, 500*time.Millisecond<<(attempt-1))
	}
	return time.Duration(rand.Int63n(int64(bound) + 1))
}

func (c *Client) event(name string, body map[string]any) {
	encoded, _ := json.Marshal(body)
	c.options.OnEvent(Event{name, encoded})
}

// Any byte from the server is a sign of life.
type touching struct {
	reader *bufio.Reader
	touch  func()
}

func (t *touching) Read(bytes []byte) (int, error) {
	count, err := t.reader.Read(bytes)
	if count > 0 {
		t.touch()
	}
	return count, err
}
