package nlbatch

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// fake is a kernel that refuses the requests it is told to.
type fake struct {
	refuse  map[uint32]unix.Errno // by sequence number
	stop    int                   // reads only so many requests of a batch, 0 for all
	sendErr []error               // of the next sends
	queue   []any                 // what Recv gives: []byte or error
	answer  func(request message) [][]byte
	sent    [][]byte
	acks    int
	closed  bool
}

func (f *fake) Send(b []byte) error {
	if len(f.sendErr) > 0 {
		err := f.sendErr[0]
		f.sendErr = f.sendErr[1:]
		return err
	}
	f.sent = append(f.sent, append([]byte(nil), b...))
	read := 0
	return eachMessage(b, func(m message) error {
		if f.stop > 0 && read == f.stop {
			return nil
		}
		read++
		if f.answer != nil {
			for _, a := range f.answer(m) {
				f.queue = append(f.queue, a)
			}
		}
		errno := f.refuse[m.seq]
		if m.flags&unix.NLM_F_ACK != 0 {
			f.acks++
		}
		if errno != 0 || m.flags&unix.NLM_F_ACK != 0 {
			f.queue = append(f.queue, reply(unix.NLMSG_ERROR, capped, m.seq, result(errno, m.whole[:headerLen])))
		}
		return nil
	})
}

func (f *fake) Recv(b []byte) (int, error) {
	if len(f.queue) == 0 {
		return 0, unix.EAGAIN
	}
	next := f.queue[0]
	f.queue = f.queue[1:]
	if err, ok := next.(error); ok {
		return 0, err
	}
	copy(b, next.([]byte))
	return len(next.([]byte)), nil
}

func (f *fake) Close() error {
	f.closed = true
	return nil
}

func reply(typ, flags uint16, seq uint32, payload []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(headerLen+len(payload)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	b = append(b, payload...)
	for len(b)&3 != 0 {
		b = append(b, 0)
	}
	return b
}

func result(errno unix.Errno, request []byte) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))), request...)
}
