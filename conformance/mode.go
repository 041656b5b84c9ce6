package conformance

import (
	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/backends/nftables"
)

// Mode is one of kube-proxy's modes, with the variant of iptables that it uses.
type Mode string

// The modes.
const (
	IPTablesLegacy Mode = "iptables-legacy"
	IPTablesNFT    Mode = "iptables-nft"
	IPVS           Mode = "ipvs"
	NFTables       Mode = "nftables"
)

// Modes are all of them.
func Modes() []Mode { return []Mode{IPTablesLegacy, IPTablesNFT, IPVS, NFTables} }

// proxyMode is the mode's name in kube-proxy's configuration.
func (m Mode) proxyMode() string {
	if m == IPTablesLegacy || m == IPTablesNFT {
		return "iptables"
	}
	return string(m)
}

// variant is the iptables that the mode uses. In the mode ipvs the rules are few
// and the same with either.
func (m Mode) variant() string {
	if m == IPTablesNFT {
		return "iptables-nft"
	}
	return "iptables-legacy"
}

// Backend makes the built-in backend that is to equal kube-proxy in the mode.
func (m Mode) Backend() backends.Backend {
	switch m {
	case IPVS:
		return ipvs.New(ipvs.Options{Iptables: m.variant()})
	case NFTables:
		return nftables.New(nftables.Layout136)
	default:
		return iptables.New(iptables.Variant(m.variant()))
	}
}
