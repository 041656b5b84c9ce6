package nlbatch

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func TestQuery(t *testing.T) {
	f := &fake{answer: func(m message) [][]byte {
		two := append(reply(7, unix.NLM_F_MULTI, m.seq, []byte("one!")), reply(7, unix.NLM_F_MULTI, m.seq, []byte("two!"))...)
		return [][]byte{
			reply(7, 0, m.seq+1, []byte("not ours")),
			two,
			reply(unix.NLMSG_DONE, unix.NLM_F_MULTI, m.seq, result(0, nil)),
		}
	}}
	c := New(f)
	var got bytes.Buffer
	c.Begin(100, unix.NLM_F_DUMP)
	if err := c.Query(func(typ uint16, p []byte) error { fmt.Fprintf(&got, "%d %s;", typ, p); return nil }); err != nil {
		t.Fatal(err)
	}
	if got.String() != "7 one!;7 two!;" {
		t.Errorf("got %q", got.String())
	}
	if f.acks != 0 {
		t.Error("a dump asked for an acknowledgement")
	}
}

func TestQueryErrors(t *testing.T) {
	ask := func(f *fake) error {
		c := New(f)
		c.Begin(100, 0)
		return c.Query(func(uint16, []byte) error { return nil })
	}
	if err := ask(&fake{refuse: map[uint32]unix.Errno{1: unix.ENOENT}}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("refused: %v", err)
	}
	if err := ask(&fake{}); err != nil {
		t.Errorf("acknowledged: %v", err)
	}
	if err := ask(&fake{stop: -1, queue: []any{unix.ENOBUFS}}); !errors.Is(err, unix.ENOBUFS) {
		t.Errorf("overflow: %v", err)
	}
	intr := &fake{answer: func(m message) [][]byte {
		return [][]byte{reply(unix.NLMSG_DONE, unix.NLM_F_MULTI|unix.NLM_F_DUMP_INTR, m.seq, result(0, nil))}
	}}
	if err := ask(intr); !errors.Is(err, ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
	failed := errors.New("visit")
	c := New(&fake{answer: func(m message) [][]byte { return [][]byte{reply(7, 0, m.seq, nil)} }})
	c.Begin(100, 0)
	if err := c.Query(func(uint16, []byte) error { return failed }); err != failed {
		t.Errorf("visit's error: %v", err)
	}
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	c.Begin(100, 0)
	if err := c.Query(nil); err == nil {
		t.Error("a query behind a batch went through")
	}
}

// An ack with the kernel's words, with and without a copy of the request.
