package nlbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// ErrMalformed says that bytes are not the netlink messages or attributes
// that they should be.
var ErrMalformed = errors.New("malformed netlink message")

// message is one netlink message. Its slices point into what was parsed.
type message struct {
	typ, flags uint16
	seq        uint32
	payload    []byte
	whole      []byte
}

// eachMessage hands out the messages of a datagram, up to visit's io.EOF.
func eachMessage(b []byte, visit func(message) error) error {
	for len(b) > 0 {
		if len(b) < headerLen {
			return fmt.Errorf("%w: %d bytes left", ErrMalformed, len(b))
		}
		n := int(binary.NativeEndian.Uint32(b))
		if n < headerLen {
			return fmt.Errorf("%w: length %d of %d", ErrMalformed, n, len(b))
		}
		if n > len(b) {
			n = len(b) // cut off: the head of a refusal is worth reading
		}
		err := visit(message{
			typ:     binary.NativeEndian.Uint16(b[4:]),
			flags:   binary.NativeEndian.Uint16(b[6:]),
			seq:     binary.NativeEndian.Uint32(b[8:]),
			payload: b[headerLen:n],
			whole:   b[:n],
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b = b[min(align(n), len(b)):]
	}
	return nil
}

func align(n int) int { return (n + 3) &^ 3 }

// errno is the result in a message of type NLMSG_ERROR or NLMSG_DONE. 0 is
// success.
func (m message) errno() (unix.Errno, error) {
	if len(m.payload) < 4 {
		if m.typ == unix.NLMSG_DONE {
			return 0, nil
		}
		return 0, fmt.Errorf("%w: result of %d bytes", ErrMalformed, len(m.payload))
	}
	v := int32(binary.NativeEndian.Uint32(m.payload))
	if v > 0 || v == -1<<31 {
		return 0, fmt.Errorf("%w: result %d", ErrMalformed, v)
	}
	return unix.Errno(-v), nil
}

// capped and tlvs are NLM_F_CAPPED and NLM_F_ACK_TLVS: the refused request was
// left out of a refusal, and attributes follow.
const (
	capped = 0x100
	tlvs   = 0x200
)

// echo is the copy of the refused request in a refusal, nil without one.
func (m message) echo() []byte {
	if len(m.payload) <= 4+headerLen || m.flags&(capped|tlvs) != 0 {
		return nil
	}
	return append([]byte(nil), m.payload[4:]...)
}

// detail is what the kernel says about a refusal in words, "" for nothing.
func (m message) detail() string {
	if m.flags&tlvs == 0 || len(m.payload) < 4+headerLen {
		return ""
	}
	skip := 4 + headerLen
	if m.flags&capped == 0 {
		skip = 4 + align(int(binary.NativeEndian.Uint32(m.payload[4:])))
	}
	if skip < 0 || skip > len(m.payload) {
		return ""
	}
	var words string
	_ = EachAttr(m.payload[skip:], func(typ uint16, v []byte) error {
		if typ == unix.NLMSGERR_ATTR_MSG {
			words = Text(v)
		}
		return nil
	})
	return words
}

// EachAttr hands out the attributes of a payload, without the flags in their
// types, up to visit's io.EOF.
func EachAttr(b []byte, visit func(typ uint16, value []byte) error) error {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return fmt.Errorf("%w: attribute of length %d in %d bytes", ErrMalformed, n, len(b))
		}
		err := visit(binary.NativeEndian.Uint16(b[2:])&typeMask, b[4:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b = b[min(align(n), len(b)):]
	}
	if len(b) != 0 {
		return fmt.Errorf("%w: %d bytes behind the attributes", ErrMalformed, len(b))
	}
	return nil
}

// Text is a string attribute up to its zero byte.
func Text(v []byte) string {
	if i := bytes.IndexByte(v, 0); i >= 0 {
		v = v[:i]
	}
	return string(v)
}

// U16 reads a 16-bit value in the host's byte order, 0 from too few bytes.
func U16(v []byte) uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(v)
}

// BE16 reads a 16-bit value in network byte order, 0 from too few bytes.
func BE16(v []byte) uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

// U32 reads a 32-bit value in the host's byte order, 0 from too few bytes.
func U32(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}

// BE32 reads a 32-bit value in network byte order, 0 from too few bytes.
func BE32(v []byte) uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}

// U8 reads one byte, 0 from none.
func U8(v []byte) uint8 {
	if len(v) < 1 {
		return 0
	}
	return v[0]
}
