package iptables

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// The prefixes of the chains that belong to one ServicePort.
const (
	servicePrefix  = "KUBE-SVC-" // picks an endpoint of a Service
	endpointPrefix = "KUBE-SEP-" // rewrites to one endpoint
	localPrefix    = "KUBE-SVL-"
	firewallPrefix = "KUBE-FW-"
	externalPrefix = "KUBE-EXT-"
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

// hashes are the chain names of a state, each computed once: for every
// ServicePort that has endpoints its own hash and then one an endpoint, in
// the state's order.
//
// kube-proxy 1.36 hashes "namespace/name:port" and the lower-case protocol,
// and for an endpoint "address:port" after those (pkg/proxy/iptables).
type hashes []byte

// appendHashes computes the hashes of a state into dst.
func appendHashes(dst hashes, state *backends.State) hashes {
	var key []byte
	for i := range state.Services {
		p := &state.Services[i]
		if len(p.Endpoints) == 0 {
			continue
		}
		key = appendName(key[:0], p)
		key = append(key, lower(p.Protocol)...)
		dst = appendHash(dst, key)
		service := len(key)
		for j := range p.Endpoints {
			key = p.Endpoints[j].Addr.AppendTo(key[:service])
			dst = appendHash(dst, key)
		}
	}
	return dst
}

// next takes the first hash off.
func (h *hashes) next() []byte {
	first := (*h)[:hashSize]
	*h = (*h)[hashSize:]
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
	if p == backends.UDP {
		return "udp"
	}
	return "tcp"
}
