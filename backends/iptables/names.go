package iptables

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// The prefixes of the chains that belong to one ServicePort.
const (
	servicePrefix  = "KUBE-SVC-" // picks one of the endpoints of the policy Cluster
	localPrefix    = "KUBE-SVL-" // picks one of the endpoints of the policy Local
	externalPrefix = "KUBE-EXT-" // tells traffic from outside by where it comes from
	firewallPrefix = "KUBE-FW-"  // lets the source ranges through
	endpointPrefix = "KUBE-SEP-" // rewrites to one endpoint
)

// isServiceChain reports whether a chain belongs to some ServicePort, present
// or past. kube-proxy claims every chain with these prefixes.
func isServiceChain(name string) bool {
	for _, p := range [...]string{servicePrefix, endpointPrefix, localPrefix, firewallPrefix, externalPrefix} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// hashSize is the length of the part of a chain's name that follows its
// prefix. Sixteen base32 characters are exactly the first ten bytes of a hash.
const hashSize = 16

// hash is that part of a name. An array is copied without a call.
type hash = *[hashSize]byte

// alphabet is base32's (RFC 4648).
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// appendHash appends the start of base32(sha256(key)). Hashing is most of what
// text costs, and package encoding/base32 would add a tenth.
func appendHash(dst, key []byte) []byte {
	sum := sha256.Sum256(key)
	for half := range 2 {
		s := sum[half*5:]
		v := uint64(s[0])<<32 | uint64(binary.BigEndian.Uint32(s[1:]))
		dst = append(dst,
			alphabet[v>>35&31], alphabet[v>>30&31], alphabet[v>>25&31], alphabet[v>>20&31],
			alphabet[v>>15&31], alphabet[v>>10&31], alphabet[v>>5&31], alphabet[v&31])
	}
	return dst
}

// names are what the text needs of one ServicePort more than once, so that it
// is computed once: its hash, and then for each endpoint that is reachable its
// hash, and the length and the text of its address and port.
//
// kube-proxy 1.36 hashes "namespace/name:port" and the lower-case protocol,
// and for an endpoint "address:port" after those (pkg/proxy/iptables).
type names []byte

// most is the length of the longest text of an endpoint's address and port.
func most(f backends.Family) int {
	if f == backends.IPv4 {
		return len("255.255.255.255:65535")
	}
	return len("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")
}

// appendNames appends the names of p with these endpoints. key is scratch.
func appendNames(dst names, key []byte, p *backends.ServicePort, endpoints []backends.Endpoint) (names, []byte) {
	key = appendName(key[:0], p)
	key = append(key, lower(p.Protocol)...)
	dst = appendHash(dst, key)
	service := len(key)
	for i := range endpoints {
		key = endpoints[i].Addr.AppendTo(key[:service])
		dst = appendHash(dst, key)
		dst = append(dst, byte(len(key)-service))
		dst = append(dst, key[service:]...)
	}
	return dst, key
}

// next takes a hash off.
func (n *names) next() hash {
	first := hash(*n)
	*n = (*n)[hashSize:]
	return first
}

// text takes the text of an endpoint's address and port off.
func (n *names) text() []byte {
	end := 1 + (*n)[0]
	first := (*n)[1:end]
	*n = (*n)[end:]
	return first
}

// appendName is ServicePort.String without its allocation.
func appendName(dst []byte, p *backends.ServicePort) []byte {
	dst = append(dst, p.Namespace...)
	dst = append(dst, '/')
	dst = append(dst, p.Name...)
	if p.PortName != "" {
		dst = append(dst, ':')
		dst = append(dst, p.PortName...)
	}
	return dst
}

// lower is a protocol as iptables spells it.
func lower(p backends.Protocol) string {
	switch p {
	case backends.UDP:
		return "udp"
	case backends.SCTP:
		return "sctp"
	}
	return "tcp"
}

// matches is how a rule matches a protocol.
func matches(p backends.Protocol) string {
	switch p {
	case backends.UDP:
		return " -m udp -p udp"
	case backends.SCTP:
		return " -m sctp -p sctp"
	}
	return " -m tcp -p tcp"
}
