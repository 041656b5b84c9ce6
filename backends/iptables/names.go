package iptables

import (
	"crypto/sha256"
	"encoding/base32"
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

func appendHash(dst, key []byte) []byte {
	sum := sha256.Sum256(key)
	return base32.StdEncoding.AppendEncode(dst, sum[:hashSize*5/8])
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
