package fronttcp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"testing"
	"testing/iotest"
	"time"
)

type vectors struct {
	MaxFrameBytes uint32 `json:"max_frame_bytes"`
	Frames        []struct {
		Name      string
		Version   uint32
		CommandID uint32 `json:"command_id"`
		Body      string
		Hex       string
	}
	Invalid []struct{ Name, Hex string }
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../../../test/vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var document vectors
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	whole, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

func TestEveryVectorIsEncodedAndReadByteByByte(t *testing.T) {
	document := readVectors(t)
	var stream []byte
	for _, vector := range document.Frames {
		whole := unhex(t, vector.Hex)
		frame := Frame{vector.Version, vector.CommandID, []byte(vector.Body)}
		if !bytes.Equal(Encode(frame), whole) {
			t.Errorf("%s: encoded differently", vector.Name)
		}
		stream = append(stream, whole...)
	}
	reader := iotest.OneByteReader(bytes.NewReader(stream))
	for _, vector := range document.Frames {
		frame, err := ReadFrame(reader, document.MaxFrameBytes, 0)
		if err != nil || string(frame.Body) != vector.Body || frame.CommandID != vector.CommandID || frame.Version != vector.Version {
			t.Fatalf("%s: read %v, %v", vector.Name, frame, err)
		}
	}
	if _, err := ReadFrame(reader, document.MaxFrameBytes, 0); err != io.EOF {
		t.Fatalf("behind the last frame: %v", err)
	}
}

func TestAnImpossibleLengthIsAnError(t *testing.T) {
	document := readVectors(t)
	for _, vector := range document.Invalid {
		_, err := ReadFrame(bytes.NewReader(unhex(t, vector.Hex)), document.MaxFrameBytes, 0)
		var protocol *ProtocolError
		if !errors.As(err, &protocol) {
			t.Errorf("%s: %v", vector.Name, err)
		}
	}
}

func TestAFrameThatIsTooLargeIsSkipped(t *testing.T) {
	large := Encode(Frame{1, 102, make([]byte, 1000)})
	next := Encode(Frame{1, 102, []byte("{}")})
	frame, err := ReadFrame(bytes.NewReader(append(large, next...)), 256, maxSkippedBytes)
	if err != nil || string(frame.Body) != "{}" {
		t.Fatalf("read %v, %v", frame, err)
	}
}

func TestBackoffGrowsAndHasABound(t *testing.T) {
	client := New(Options{MaxBackoff: 3 * time.Second})
	for attempt := 1; attempt < 100; attempt++ {
		if pause := client.backoff(attempt); pause < 0 || pause > 3*time.Second || (attempt == 1 && pause > 500*time.Millisecond) {
			t.Fatalf("attempt %d: %v", attempt, pause)
		}
	}
}

func TestTheNewestRepliesAreKept(t *testing.T) {
	var kept replies
	for ask := 1; ask <= maxReplies+1; ask++ {
		kept.keep(strconv.Itoa(ask), []byte("{}"))
	}
	if kept.of("1") != nil || kept.of("2") == nil || len(kept.bodies) != maxReplies {
		t.Fatalf("kept %d, the oldest is %v", len(kept.bodies), kept.of("1"))
	}
}
