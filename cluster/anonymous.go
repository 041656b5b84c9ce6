package cluster

import (
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/scenarios"
)

// Anonymize replaces, in the cluster and in a view of it, what tells whose it
// is: the names of namespaces,
// Services, ports, nodes and zones, and every public address. The same key gives
// the same names for the same ones, in this cluster and in others; without the
// key they cannot be found by trying, and without a key at all by anyone who has
// a list of candidates.
//
// Names keep their length from 12 characters on, for rules carry them. What is
// equal stays equal and what is different stays different. Public addresses are
// renamed so that those of one range stay in one range (as Crypto-PAn does);
// private ones (RFC 1918, RFC 6598, RFC 4193) stay as they are.
func (c *Cluster) Anonymize(key string, v *View) error {
	a, err := newAnonymizer(key)
	if err != nil {
		return err
	}
	for i := range c.Services {
		a.service(&c.Services[i])
	}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		n.Name, n.Zone = a.name("node", n.Name), a.name("zone", n.Zone)
		a.addrs(n.Addrs)
		a.prefixes(n.PodCIDRs)
	}
	slices.SortFunc(c.Services, func(s, t scenarios.Service) int {
		return cmp.Or(cmp.Compare(s.Namespace, t.Namespace), cmp.Compare(s.Name, t.Name))
	})
	slices.SortFunc(c.Nodes, func(m, n Node) int { return cmp.Compare(m.Name, n.Name) })
	v.Node.Name, v.Node.Zone = a.name("node", v.Node.Name), a.name("zone", v.Node.Zone)
	a.addrs(v.Node.Addrs)
	a.prefixes(v.Network.ServiceCIDRs)
	a.prefixes(v.Network.ClusterCIDRs)
	return a.err
}

// anonymizer renames with one key.
type anonymizer struct {
	key     []byte
	block   cipher.Block
	pad     [16]byte
	names   map[string]string
	taken   map[string]string // the new names, and of what
	moved   map[netip.Addr]netip.Addr
	renamed map[*string]bool // lists that several endpoints share
	err     error
}

func newAnonymizer(key string) (*anonymizer, error) {
	sum := sha256.Sum256([]byte("svcmark import --anonymize\x00" + key))
	block, err := aes.NewCipher(sum[:16])
	if err != nil {
		return nil, err
	}
	a := &anonymizer{
		key: sum[:], block: block,
		names: map[string]string{}, taken: map[string]string{}, moved: map[netip.Addr]netip.Addr{}, renamed: map[*string]bool{},
	}
	block.Encrypt(a.pad[:], sum[16:])
	return a, nil
}

func (a *anonymizer) service(s *scenarios.Service) {
	// A Service's name means something in its namespace alone.
	s.Name = a.name("service in "+s.Namespace, s.Name)
	s.Namespace = a.name("namespace", s.Namespace)
	for i := range s.Ports {
		s.Ports[i].Name = a.name("port", s.Ports[i].Name)
	}
	a.addrs(s.ClusterIPs)
	a.addrs(s.ExternalIPs)
	for i := range s.Ingress {
		s.Ingress[i].Addr = a.addr(s.Ingress[i].Addr)
	}
	a.prefixes(s.SourceRanges)
	for i := range s.Endpoints {
		set := &s.Endpoints[i]
		for j := range set.Ports {
			set.Ports[j].Name = a.name("port", set.Ports[j].Name)
		}
		for j := range set.Endpoints {
			e := &set.Endpoints[j]
			e.Addr, e.Node = a.addr(e.Addr), a.name("node", e.Node)
			a.list("zone", e.Zones)
			a.list("node", e.Nodes)
		}
	}
}

// list renames a list in place, which may be that of an earlier endpoint, too.
func (a *anonymizer) list(kind string, names []string) {
	if len(names) == 0 || a.renamed[&names[0]] {
		return
	}
	a.renamed[&names[0]] = true
	for i := range names {
		names[i] = a.name(kind, names[i])
	}
}

const minName = 12

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// name is the new name of a thing: a DNS label that starts with a letter.
func (a *anonymizer) name(kind, old string) string {
	if old == "" {
		return ""
	}
	what := kind + "\x00" + old
	if now, ok := a.names[what]; ok {
		return now
	}
	size := min(63, max(minName, len(old)))
	var b strings.Builder
	for round := byte(0); b.Len() < size; round++ {
		mac := hmac.New(sha256.New, a.key)
		mac.Write(append([]byte(what), 0, round))
		b.WriteString(letters.EncodeToString(mac.Sum(nil)))
	}
	now := []byte(b.String()[:size])
	if now[0] < 'a' { // RFC 1035 wants a letter
		now[0] += 'a' - '2'
	}
	if other, taken := a.taken[kind+string(now)]; taken && a.err == nil {
		a.err = fmt.Errorf("two names get the same new one, %s, of which one is %s; use another key", now, quote(other))
	}
	a.taken[kind+string(now)], a.names[what] = old, string(now)
	return string(now)
}

func (a *anonymizer) addrs(list []netip.Addr) {
	for i := range list {
		list[i] = a.addr(list[i])
	}
}

func (a *anonymizer) prefixes(list []netip.Prefix) {
	for i, p := range list {
		if p.Bits() > 0 {
			list[i] = netip.PrefixFrom(a.addr(p.Masked().Addr()), p.Bits()).Masked()
		}
	}
}

// addr is the new address of a public one. The renaming is a permutation of all
// addresses; walking its cycle until it is public again makes it one of the
// public ones.
func (a *anonymizer) addr(old netip.Addr) netip.Addr {
	if !isPublic(old) {
		return old
	}
	if now, ok := a.moved[old]; ok {
		return now
	}
	now := a.permute(old)
	for !isPublic(now) {
		now = a.permute(now)
	}
	a.moved[old] = now
	return now
}

// permute flips each bit or not by what stands before it, and so keeps what
// prefix two addresses have in common (Xu, Fan, Ammar and Moon,
// "Prefix-preserving IP address anonymization", 2002). The first bits of IPv6
// say what kind of address it is, and stay.
func (a *anonymizer) permute(addr netip.Addr) netip.Addr {
	raw := addr.AsSlice()
	first := 0
	if addr.Is6() {
		first = 3
	}
	var in, out [16]byte
	now := make([]byte, len(raw))
	copy(now, raw)
	for bit := first; bit < 8*len(raw); bit++ {
		in = a.pad
		whole := bit / 8
		copy(in[:whole], raw[:whole])
		mask := byte(0xff) << (8 - bit%8)
		in[whole] = raw[whole]&mask | a.pad[whole]&^mask
		a.block.Encrypt(out[:], in[:])
		now[whole] ^= (out[0] >> 7) << (7 - bit%8)
	}
	moved, _ := netip.AddrFromSlice(now)
	return moved
}

var (
	shared = netip.MustParsePrefix("100.64.0.0/10")
	global = netip.MustParsePrefix("2000::/3")
	nobody = netip.MustParsePrefix("0.0.0.0/8")
)

// isPublic reports whether an address may belong to somebody.
func isPublic(a netip.Addr) bool {
	if a.Is6() {
		return global.Contains(a)
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a) && !nobody.Contains(a) && a.As4()[0] < 224
}
