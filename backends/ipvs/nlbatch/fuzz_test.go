package nlbatch

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever arrives, parsing ends, and hands out slices of what came only.
func FuzzMessages(f *testing.F) {
	f.Add(reply(unix.NLMSG_ERROR, capped|tlvs, 1, result(unix.EINVAL, make([]byte, 32))))
	f.Add(append(reply(7, 0, 1, []byte{8, 0, 1, 0, 1, 2, 3, 4}), reply(unix.NLMSG_DONE, 0, 1, result(0, nil))...))
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := 0
		_ = eachMessage(b, func(m message) error {
			seen += len(m.whole)
			_, _ = m.errno()
			_ = m.detail()
			_ = m.echo()
			return EachAttr(m.payload, func(_ uint16, v []byte) error {
				_, _, _, _, _, _ = Text(v), U8(v), U16(v), BE16(v), U32(v), BE32(v)
				return nil
			})
		})
		if seen > len(b) {
			t.Errorf("%d bytes of messages in %d", seen, len(b))
		}
		// And as the answer to a batch and to a query.
		for _, query := range []bool{false, true} {
			k := &fake{queue: []any{b}}
			c := New(k)
			c.Begin(1, 0)
			if query {
				_ = c.Query(func(uint16, []byte) error { return nil })
			} else {
				_ = c.End()
				_ = c.Flush()
			}
			if len(c.buf) != 0 {
				t.Error("the batch stayed")
			}
		}
	})
}
