// Package probe is the client's side of every packet that svcmark sends: it
// asks an endpoint who it is, and times connections and round trips with raw
// system calls and no Go network poller in between. All of it works in the
// network namespace of the calling thread.
package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// MessageSize is the length of every request and every reply in bytes. One
// size for both keeps a TCP stream's framing trivial and a reply no larger
// than what a UDP request paid for.
const MessageSize = 64

var replyMagic = [4]byte{'s', 'v', 'c', 'm'}

// Answer is what an endpoint says of a request that reached it.
type Answer struct {
	Endpoint netip.AddrPort // the address that the packet was delivered to
	Client   netip.AddrPort // the source address that it carried there
}

// Encode writes the answer's reply to b.
func (a Answer) Encode(b *[MessageSize]byte) {
	copy(b[0:4], replyMagic[:])
	e, c := a.Endpoint.Addr().As16(), a.Client.Addr().As16()
	copy(b[4:20], e[:])
	binary.BigEndian.PutUint16(b[20:22], a.Endpoint.Port())
	copy(b[22:38], c[:])
	binary.BigEndian.PutUint16(b[38:40], a.Client.Port())
}

// bulkMagic begins a request after which bytes come that are to be swallowed before it
// is answered.
var bulkMagic = [4]byte{'b', 'u', 'l', 'k'}

// encodeBulk writes a request that n bytes follow.
func encodeBulk(b *[MessageSize]byte, n int64) {
	copy(b[0:4], bulkMagic[:])
	binary.BigEndian.PutUint64(b[4:12], uint64(n))
}

// Bulk is how many bytes follow a request, 0 for one that asks at once.
func Bulk(b *[MessageSize]byte) int64 {
	if [4]byte(b[0:4]) != bulkMagic {
		return 0
	}
	return max(0, int64(binary.BigEndian.Uint64(b[4:12])))
}

// errForeign is a reply that no endpoint of ours wrote.
var errForeign = errors.New("the reply does not come from an endpoint of this lab")

// decode reads a reply.
func decode(b []byte) (Answer, error) {
	if len(b) != MessageSize || [4]byte(b[0:4]) != replyMagic {
		return Answer{}, errForeign
	}
	return Answer{
		Endpoint: netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[4:20])).Unmap(), binary.BigEndian.Uint16(b[20:22])),
		Client:   netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[22:38])).Unmap(), binary.BigEndian.Uint16(b[38:40])),
	}, nil
}
