package nlbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// put adds a request that carries a number.
func put(c *Conn, n uint32) error {
	c.Begin(100, 0)
	c.U32(1, n)
	return c.End()
}

func number(request []byte) (n uint32) {
	_ = EachAttr(request[headerLen:], func(_ uint16, v []byte) error { n = U32(v); return nil })
	return n
}

func TestBatchAsksForOneAcknowledgement(t *testing.T) {
	f := &fake{}
	c := New(f)
	for i := range uint32(10) {
		if err := put(c, i); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.sent) != 0 {
		t.Fatal("sent before Flush")
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if len(f.sent) != 1 || f.acks != 1 {
		t.Errorf("%d datagrams, %d acknowledgements asked for, want 1 and 1", len(f.sent), f.acks)
	}
	if err := c.Flush(); err != nil || len(f.sent) != 1 {
		t.Errorf("Flush of nothing: %v, %d datagrams", err, len(f.sent))
	}
}

func TestBatchGoesWhenLong(t *testing.T) {
	f := &fake{}
	c := New(f)
	n := 0
	for ; len(f.sent) < 3; n++ {
		if err := put(c, uint32(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	got := uint32(0)
	for _, b := range f.sent {
		if len(b) > batchLimit+requestLimit {
			t.Errorf("datagram of %d bytes", len(b))
		}
		_ = eachMessage(b, func(m message) error {
			if number(m.whole) != got {
				t.Fatalf("request %d in place of %d", number(m.whole), got)
			}
			got++
			return nil
		})
	}
	if int(got) != n {
		t.Errorf("%d requests arrived of %d", got, n)
	}
}

func TestRefusalsBelongToTheirRequests(t *testing.T) {
	for _, refused := range [][]uint32{{1}, {5}, {10}, {1, 2, 10}} {
		f := &fake{refuse: map[uint32]unix.Errno{}}
		for _, seq := range refused {
			f.refuse[seq] = unix.Errno(seq)
		}
		c := New(f)
		for i := range uint32(10) {
			if err := put(c, 1000+i+1); err != nil {
				t.Fatal(err)
			}
		}
		err := c.Flush()
		batch, ok := errors.AsType[*BatchError](err)
		if !ok || batch.Count != len(refused) || batch.Lost {
			t.Fatalf("refused %v: %v", refused, err)
		}
		for i, r := range batch.Refusals {
			if r.Errno != unix.Errno(refused[i]) || number(r.Request) != 1000+refused[i] {
				t.Errorf("refusal %d: errno %d of request %d, want %d", i, r.Errno, number(r.Request), refused[i])
			}
			if !errors.Is(err, r.Errno) {
				t.Errorf("errors.Is does not find %v", r.Errno)
			}
		}
		// The next batch knows nothing of it.
		if err := put(c, 1); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			t.Errorf("next batch: %v", err)
		}
	}
}

func TestRefusalsAreBounded(t *testing.T) {
	f := &fake{refuse: map[uint32]unix.Errno{}}
	c := New(f)
	for i := range uint32(100) {
		f.refuse[i+1] = unix.EEXIST
		if err := put(c, i); err != nil {
			t.Fatal(err)
		}
	}
	batch, ok := errors.AsType[*BatchError](c.Flush())
	if !ok || batch.Count != 100 || len(batch.Refusals) != maxRefusals {
		t.Errorf("%+v", batch)
	}
}

func TestFlushSaysWhenTheKernelStopsEarly(t *testing.T) {
	f := &fake{stop: 3, refuse: map[uint32]unix.Errno{2: unix.EINVAL}}
	c := New(f)
	for i := range uint32(5) {
		if err := put(c, i); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Flush()
	if err == nil || !strings.Contains(err.Error(), "stopped reading") || !errors.Is(err, unix.EINVAL) {
		t.Errorf("Flush: %v", err)
	}
}

func TestOverflowIsReportedAndDrained(t *testing.T) {
	f := &fake{refuse: map[uint32]unix.Errno{1: unix.EINVAL}}
	f.queue = []any{unix.ENOBUFS}
	c := New(f)
	for i := range uint32(5) {
		if err := put(c, i); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Flush()
	batch, ok := errors.AsType[*BatchError](err)
	if !ok || !batch.Lost || batch.Count != 1 || !strings.Contains(err.Error(), "rmem_max") {
		t.Errorf("Flush: %v", err)
	}
	if len(f.queue) != 0 {
		t.Errorf("%d replies left in the queue", len(f.queue))
	}
	if err := put(c, 9); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Errorf("after the overflow: %v", err)
	}
}

func TestNoiseIsIgnored(t *testing.T) {
	f := &fake{}
	c := New(f)
	// A late answer to another batch, a broadcast, a no-op.
	f.queue = []any{
		reply(unix.NLMSG_ERROR, capped, 77, result(unix.EPERM, make([]byte, headerLen))),
		reply(20, 0, 1, []byte{1, 2, 3, 4}),
		reply(unix.NLMSG_NOOP, 0, 0, nil),
	}
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Error(err)
	}
}

func TestSendAndReceiveErrors(t *testing.T) {
	f := &fake{sendErr: []error{unix.EMSGSIZE}}
	c := New(f)
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("Flush: %v", err)
	}
	f.queue = []any{unix.ECONNREFUSED}
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("Flush: %v", err)
	}
	if c.Close() != nil || !f.closed {
		t.Error("not closed")
	}
}

func TestSignalsAreNoErrors(t *testing.T) {
	f := &fake{sendErr: []error{unix.EINTR, unix.EINTR}, queue: []any{unix.EINTR}}
	c := New(f)
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil || len(f.sent) != 1 {
		t.Errorf("Flush: %v, sent %d times", err, len(f.sent))
	}
}

func TestRequestTooLong(t *testing.T) {
	f := &fake{}
	c := New(f)
	if err := put(c, 1); err != nil {
		t.Fatal(err)
	}
	c.Begin(100, 0)
	for range requestLimit / 8 {
		c.U32(1, 2)
	}
	err := c.End()
	if batch, ok := errors.AsType[*BatchError](err); !ok || !errors.Is(err, unix.EMSGSIZE) || len(batch.Refusals[0].Request) <= requestLimit-headerLen {
		t.Fatalf("End: %v", err)
	}
	if err := put(c, 3); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []uint32
	_ = eachMessage(f.sent[0], func(m message) error { got = append(got, number(m.whole)); return nil })
	if fmt.Sprint(got) != "[1 3]" {
		t.Errorf("sent %v, want the two requests around it", got)
	}
}

func TestRefusalDetail(t *testing.T) {
	words := []byte("no such luck\x00\x00\x00\x00")
	attr := binary.NativeEndian.AppendUint16(nil, uint16(4+len("no such luck")+1))
	attr = binary.NativeEndian.AppendUint16(attr, unix.NLMSGERR_ATTR_MSG)
	attr = append(attr, words...)
	request := reply(100, 0, 1, []byte{1, 2, 3, 4})
	for name, m := range map[string]message{
		"capped": {flags: capped | tlvs, payload: append(result(unix.EINVAL, request[:headerLen]), attr...)},
		"copied": {flags: tlvs, payload: append(result(unix.EINVAL, request), attr...)},
	} {
		if got := m.detail(); got != "no such luck" {
			t.Errorf("%s: %q", name, got)
		}
		cut := m
		cut.payload = m.payload[:len(m.payload)-9]
		_ = cut.detail() // must not panic
	}
	if s := (Refusal{Errno: unix.EINVAL, Detail: "no such luck"}).Error(); s != "invalid argument (no such luck)" {
		t.Error(s)
	}
}

func TestNoAllocationPerRequest(t *testing.T) {
	c := New(silent{})
	n := testing.AllocsPerRun(100, func() {
		for i := range uint32(100) {
			c.Begin(1, 0)
			m := c.Nest(1)
			c.U16(1, 2)
			c.String(2, "rr")
			c.BE16(3, 80)
			c.Bytes(4, []byte{10, 0, 0, 1})
			c.U32x2(5, i, i)
			c.Unnest(m)
			_ = c.End()
		}
		c.reset()
	})
	if n > 0 {
		t.Errorf("%v allocations in 100 requests", n)
	}
}

// silent answers everything with the acknowledgement of nothing.
type silent struct{}

func (silent) Send([]byte) error        { return nil }
func (silent) Recv([]byte) (int, error) { return 0, unix.EAGAIN }
func (silent) Close() error             { return nil }

// The real socket: the kernel's generic netlink controller answers everywhere.
func TestKernel(t *testing.T) {
	c, err := Dial(unix.NETLINK_GENERIC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(family string) (id uint16, err error) {
		c.Begin(unix.GENL_ID_CTRL, 0)
		c.Raw(unix.CTRL_CMD_GETFAMILY, 1, 0, 0)
		c.String(unix.CTRL_ATTR_FAMILY_NAME, family)
		err = c.Query(func(_ uint16, p []byte) error {
			return EachAttr(p[4:], func(typ uint16, v []byte) error {
				if typ == unix.CTRL_ATTR_FAMILY_ID {
					id = U16(v)
				}
				return nil
			})
		})
		return id, err
	}
	if id, err := ask("nlctrl"); err != nil || id != unix.GENL_ID_CTRL {
		t.Errorf("nlctrl: %d, %v", id, err)
	}
	if _, err := ask("svcmark-none"); !errors.Is(err, unix.ENOENT) {
		t.Errorf("unknown family: %v", err)
	}
	// A batch in which every second request names an unknown family.
	for i := range 1000 {
		c.Begin(unix.GENL_ID_CTRL, 0)
		c.Raw(unix.CTRL_CMD_GETFAMILY, 1, 0, 0)
		c.String(unix.CTRL_ATTR_FAMILY_NAME, fmt.Sprintf("svcmark-%d", i))
		if err = c.End(); err != nil {
			break
		}
	}
	if err == nil {
		err = c.Flush()
	}
	batch, ok := errors.AsType[*BatchError](err)
	if !ok || batch.Count < 100 || !errors.Is(err, unix.ENOENT) {
		t.Fatalf("batch: %v", err)
	}
	for i, r := range batch.Refusals {
		if want := fmt.Sprintf("svcmark-%d\x00", i); !bytes.Contains(r.Request, []byte(want)) {
			t.Errorf("refusal %d is of %q, want %q", i, r.Request, want)
		}
	}
}
