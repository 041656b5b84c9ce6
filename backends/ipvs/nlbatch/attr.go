package nlbatch

import "encoding/binary"

const (
	nested   = 1 << 15 // NLA_F_NESTED
	typeMask = 1<<14 - 1
)

func (c *Conn) attr(typ uint16, n int) {
	c.buf = binary.NativeEndian.AppendUint16(c.buf, uint16(4+n))
	c.buf = binary.NativeEndian.AppendUint16(c.buf, typ)
}

func (c *Conn) pad() {
	for len(c.buf)&3 != 0 {
		c.buf = append(c.buf, 0)
	}
}

// Raw adds bytes as they are: a family's own header.
func (c *Conn) Raw(b ...byte) {
	c.buf = append(c.buf, b...)
	c.pad()
}

// U8 adds an attribute of one byte.
func (c *Conn) U8(typ uint16, v uint8) {
	c.attr(typ, 1)
	c.buf = append(c.buf, v, 0, 0, 0)
}

// U16 adds a 16-bit attribute in the host's byte order.
func (c *Conn) U16(typ, v uint16) {
	c.attr(typ, 2)
	c.buf = binary.NativeEndian.AppendUint16(c.buf, v)
	c.buf = append(c.buf, 0, 0)
}

// BE16 adds a 16-bit attribute in network byte order.
func (c *Conn) BE16(typ, v uint16) {
	c.attr(typ, 2)
	c.buf = append(c.buf, byte(v>>8), byte(v), 0, 0)
}

// U32 adds a 32-bit attribute in the host's byte order.
func (c *Conn) U32(typ uint16, v uint32) {
	c.attr(typ, 4)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, v)
}

// BE32 adds a 32-bit attribute in network byte order.
func (c *Conn) BE32(typ uint16, v uint32) {
	c.attr(typ, 4)
	c.buf = binary.BigEndian.AppendUint32(c.buf, v)
}

// Bytes adds an attribute of bytes as they are: an address.
func (c *Conn) Bytes(typ uint16, b []byte) {
	c.attr(typ, len(b))
	c.buf = append(c.buf, b...)
	c.pad()
}

// String adds a string with the zero byte that the kernel wants at its end.
func (c *Conn) String(typ uint16, s string) {
	c.attr(typ, len(s)+1)
	c.buf = append(c.buf, s...)
	c.buf = append(c.buf, 0)
	c.pad()
}

// Nest opens an attribute that holds others, up to Unnest of the result.
func (c *Conn) Nest(typ uint16) (mark int) {
	mark = len(c.buf)
	c.attr(typ|nested, 0)
	return mark
}

// Unnest closes what Nest opened. A nest of 64 KiB or more makes the request
// too long, which End reports.
func (c *Conn) Unnest(mark int) {
	binary.NativeEndian.PutUint16(c.buf[mark:], uint16(len(c.buf)-mark))
}

// U32x2 adds an attribute of two 32-bit values in the host's byte order.
func (c *Conn) U32x2(typ uint16, v, w uint32) {
	c.attr(typ, 8)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, v)
	c.buf = binary.NativeEndian.AppendUint32(c.buf, w)
}
