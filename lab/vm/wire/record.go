// Package wire is what the vm lab and the guest's PID 1 say to each other: the
// job that goes in, once, and the records that come out. Both ends are the same
// binary, so neither format carries a version.
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind says what a record carries.
type Kind byte

// The kinds of record.
const (
	Event Kind = 'E' // a piece of the worker's stdout, as it was read
	Log   Kind = 'L' // a piece of the worker's stderr, or a note of PID 1's
	Done  Kind = 'D' // an End in JSON: the last record
)

// MaxRecord is the most that one record carries. PID 1 cuts what is longer.
const MaxRecord = 64 << 10

// Header gives what goes before a payload of n bytes: the kind and a
// little-endian length.
func Header(k Kind, n int) [5]byte {
	var h [5]byte
	h[0] = byte(k)
	binary.LittleEndian.PutUint32(h[1:], uint32(n))
	return h
}

// Reader cuts the guest's byte stream into records.
type Reader struct {
	r   *bufio.Reader
	buf []byte
}

// NewReader reads records from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, MaxRecord)} }

// Next gives the next record; the payload is valid until the next call. The end
// of the stream between two records is io.EOF, inside one io.ErrUnexpectedEOF.
func (r *Reader) Next() (Kind, []byte, error) {
	var h [5]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return 0, nil, err
	}
	k, n := Kind(h[0]), binary.LittleEndian.Uint32(h[1:])
	if k != Event && k != Log && k != Done {
		return 0, nil, fmt.Errorf("the guest sent a record of unknown kind %#x", h[0])
	}
	if n > MaxRecord {
		return 0, nil, fmt.Errorf("the guest sent a record of %d bytes, the limit is %d", n, MaxRecord)
	}
	if cap(r.buf) < int(n) {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return k, r.buf, nil
}

// End says how the worker ended.
type End struct {
	Error  string `json:"error,omitempty"`  // why PID 1 could not run it, "" when it did
	Late   uint64 `json:"late,omitempty"`   // by how many ns the snapshot is not exact
	Exit   int    `json:"exit"`             // exit status, when Signal is ""
	Signal string `json:"signal,omitempty"` // the signal that killed it
	OOM    string `json:"oom,omitempty"`    // the kernel's line about a process that it killed for memory
}
