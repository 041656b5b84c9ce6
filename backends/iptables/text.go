package iptables

import (
	"io"
	"net/netip"
	"strconv"
)

// flushAt is how many bytes are gathered before they are written.
const flushAt = 64 << 10

// text writes restore input. It appends to one buffer, so that a rule costs
// little more than copying its bytes; the first write error sticks.
type text struct {
	w   io.Writer
	b   []byte
	err error
}

func newText(w io.Writer) *text { return &text{w: w, b: make([]byte, 0, flushAt+4<<10)} }

func (t *text) str(s string) *text {
	t.b = append(t.b, s...)
	return t
}

func (t *text) raw(s []byte) *text {
	t.b = append(t.b, s...)
	return t
}

func (t *text) hash(h hash) *text {
	t.b = append(t.b, h[:]...)
	return t
}

func (t *text) addr(a netip.Addr) *text {
	t.b = a.AppendTo(t.b)
	return t
}

func (t *text) prefix(p netip.Prefix) *text {
	t.b = p.AppendTo(t.b)
	return t
}

func (t *text) uint(n uint32) *text {
	t.b = strconv.AppendUint(t.b, uint64(n), 10)
	return t
}

// end ends a line.
func (t *text) end() { t.b = append(t.b, '\n') }

// spill writes what is gathered when it is enough. It is called once a
// ServicePort, and so costs nothing a line.
func (t *text) spill() {
	if len(t.b) >= flushAt {
		_ = t.flush() // the error sticks
	}
}

// flush writes what is gathered and gives the first error of all writes.
func (t *text) flush() error {
	if t.err == nil && len(t.b) > 0 {
		_, t.err = t.w.Write(t.b)
	}
	t.b = t.b[:0]
	return t.err
}

// probability is how kube-proxy writes 1/n: "%0.10f".
func probability(n int) string { return strconv.FormatFloat(1/float64(n), 'f', 10, 64) }
