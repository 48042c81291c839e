// Package fronttcp is the reference client of fronttcp for Go. It needs the standard library alone.
package fronttcp

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	headerBytes = 12
	// MaxFrameBytes is the largest frame that is taken. The verify names it: the server sends no larger one.
	MaxFrameBytes = 1 << 16
	// maxSkippedBytes: a larger frame is skipped up to this. No server sends more: what claims to is not of this protocol.
	maxSkippedBytes = 1 << 24
)

// Frame is a header and a body: UTF-8 JSON, or nothing.
type Frame struct {
	Version   uint32
	CommandID uint32
	Body      []byte
}

// ProtocolError says that the other side does not speak this protocol.
type ProtocolError struct{ Length uint32 }

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("fronttcp: a frame of length %d", e.Length)
}

// Encode returns the bytes of a frame. Its length counts the header too.
func Encode(frame Frame) []byte {
	bytes := make([]byte, headerBytes, headerBytes+len(frame.Body))
	binary.BigEndian.PutUint32(bytes[0:], uint32(headerBytes+len(frame.Body)))
	binary.BigEndian.PutUint32(bytes[4:], frame.Version)
	binary.BigEndian.PutUint32(bytes[8:], frame.CommandID)
	return append(bytes, frame.Body...)
}

// ReadFrame reads one frame, however the network has cut it. A frame larger than maxFrameBytes is skipped as long as it is not
// larger than skipBytes; beyond, and below the length of a header, the error is a *ProtocolError and nothing may be read on.
func ReadFrame(reader io.Reader, maxFrameBytes, skipBytes uint32) (Frame, error) {
	var header [headerBytes]byte
	for {
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return Frame{}, err
		}
		length := binary.BigEndian.Uint32(header[0:])
		// Before the body is waited for: a hostile length costs nothing.
		if length < headerBytes || (length > maxFrameBytes && length > skipBytes) {
			return Frame{}, &ProtocolError{Length: length}
		}
		if length > maxFrameBytes {
			if _, err := io.CopyN(io.Discard, reader, int64(length)-headerBytes); err != nil {
				return Frame{}, err
			}
			continue
		}
		frame := Frame{
			Version:   binary.BigEndian.Uint32(header[4:]),
			CommandID: binary.BigEndian.Uint32(header[8:]),
			Body:      make([]byte, length-headerBytes),
		}
		_, err := io.ReadFull(reader, frame.Body)
		return frame, err
	}
}
