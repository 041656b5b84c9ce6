package ipvs

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// family is what kube-proxy's two proxiers differ in. They share kube-ipvs0 and
// the kernel's table of virtual servers, and each looks at its own family's
// objects alone.
type family struct {
	name     backends.Family
	af       uint8
	inet     string // as ipset calls it
	loopback string // the sources that KUBE-SERVICES lets pass
	netmask  uint32 // of persistence: one client. A mask in IPv4, a length in IPv6
	sets     [setCount]string
}

// families are both, in kube-proxy's order.
var families = [...]*family{
	{backends.IPv4, unix.AF_INET, "inet", "127.0.0.0/8", 0xffffffff, setNames("KUBE-")},
	{backends.IPv6, unix.AF_INET6, "inet6", "::1/128", 128, setNames("KUBE-6-")},
}

// maxSetName is how long the kernel lets a set's name be. kube-proxy cuts off
// the rest.
const maxSetName = 31

func setNames(prefix string) (names [setCount]string) {
	for id, s := range kubeSets {
		names[id] = prefix + s.name
		names[id] = names[id][:min(len(names[id]), maxSetName)]
	}
	return names
}

// set finds one of the family's sets by its name.
func (f *family) set(name string) (id setID, ok bool) {
	for id, n := range f.sets {
		if n == name {
			return setID(id), true
		}
	}
	return 0, false
}

// iptables is the family's program, by the name of IPv4's.
func (f *family) iptables(ipv4 string) string {
	i := strings.LastIndex(ipv4, "iptables")
	if f.af == unix.AF_INET || i < 0 {
		return ipv4
	}
	return ipv4[:i] + "ip6tables" + ipv4[i+len("iptables"):]
}

// familyOfSet is the family of a set by its name, nil for a set that is not ours.
func familyOfSet(name string) (*family, setID) {
	for _, f := range families {
		if id, ok := f.set(name); ok {
			return f, id
		}
	}
	return nil, 0
}
