package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// device is kube-proxy's dummy device, which holds every VIP and stays down.
const device = "kube-ipvs0"

// putDummy adds a request to make a dummy device, without a transmit queue as
// kube-proxy's has none.
func (k *kernel) putDummy(name string) error {
	c := k.route
	c.Begin(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	c.Raw(make([]byte, unix.SizeofIfInfomsg)...)
	c.String(unix.IFLA_IFNAME, name)
	c.U32(unix.IFLA_TXQLEN, 0)
	m := c.Nest(unix.IFLA_LINKINFO)
	c.String(unix.IFLA_INFO_KIND, "dummy")
	c.Unnest(m)
	return c.End()
}

func (k *kernel) putLinkGone(index int32) error {
	c := k.route
	c.Begin(unix.RTM_DELLINK, 0)
	var head [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(head[4:], uint32(index))
	c.Raw(head[:]...)
	return c.End()
}

// link finds a device by its name: index 0 when there is none.
func (k *kernel) link(name string) (index int32, kind string, err error) {
	c := k.route
	c.Begin(unix.RTM_GETLINK, 0)
	c.Raw(make([]byte, unix.SizeofIfInfomsg)...)
	c.String(unix.IFLA_IFNAME, name)
	err = c.Query(func(_ uint16, payload []byte) (err error) {
		index, kind, err = parseLink(payload)
		return err
	})
	if errors.Is(err, unix.ENODEV) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("reading device %s: %w", name, err)
	}
	return index, kind, nil
}

func parseLink(payload []byte) (index int32, kind string, err error) {
	if len(payload) < unix.SizeofIfInfomsg {
		return 0, "", fmt.Errorf("%w: link message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	index = int32(binary.NativeEndian.Uint32(payload[4:]))
	err = nlbatch.EachAttr(payload[unix.SizeofIfInfomsg:], func(typ uint16, v []byte) error {
		if typ != unix.IFLA_LINKINFO {
			return nil
		}
		return nlbatch.EachAttr(v, func(typ uint16, v []byte) error {
			if typ == unix.IFLA_INFO_KIND {
				kind = nlbatch.Text(v)
			}
			return nil
		})
	})
	return index, kind, err
}

// ensureDevice makes kube-ipvs0, unless index says that it is there.
func (k *kernel) ensureDevice(index int32) (int32, error) {
	if index != 0 {
		return index, nil
	}
	if err := firstError(k.putDummy(device), k.route.Flush); err != nil {
		return 0, name(err, routeObject)
	}
	index, _, err := k.link(device)
	return index, err
}

// nodeState is what the node has before a Sync.
type nodeState struct {
	device int32 // the index of kube-ipvs0, 0 when there is none
	addrs
}

func (k *kernel) node() (n nodeState, err error) {
	if n.device, _, err = k.link(device); err != nil {
		return n, err
	}
	n.addrs, err = k.addrs(n.device)
	return n, err
}

// deviceAddr is an address of a device.
type deviceAddr struct {
	ip
	prefix uint8 // its length; kube-proxy's are as long as the address
}

// hostAddr is how kube-proxy binds an address.
func hostAddr(a ip) deviceAddr { return deviceAddr{a, a.bits()} }

// putAddr adds a request to bind (unix.RTM_NEWADDR) or unbind
// (unix.RTM_DELADDR) an address.
func (k *kernel) putAddr(cmd uint16, index int32, a deviceAddr) error {
	c := k.route
	var flags uint16
	if cmd == unix.RTM_NEWADDR {
		flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	c.Begin(cmd, flags)
	head := [unix.SizeofIfAddrmsg]byte{a.family, a.prefix, 0, unix.RT_SCOPE_UNIVERSE}
	binary.NativeEndian.PutUint32(head[4:], uint32(index))
	c.Raw(head[:]...)
	c.Bytes(unix.IFA_LOCAL, a.bytes())
	c.Bytes(unix.IFA_ADDRESS, a.bytes())
	return c.End()
}

// addrs are the node's addresses, as kube-proxy looks at them: without those of
// the loopback network and, in IPv6, link-local ones (isValidForSet in its
// netlink_linux.go).
type addrs struct {
	bound map[deviceAddr]struct{} // on kube-ipvs0
	own   []ip                    // on other devices, each once
}

// ofFamily are the node's own addresses of a family.
func (a *addrs) ofFamily(f *family) []ip {
	var own []ip
	for _, x := range a.own {
		if x.family == f.af {
			own = append(own, x)
		}
	}
	return own
}

// addrs reads all addresses. index is that of kube-ipvs0, 0 when there is none.
func (k *kernel) addrs(index int32) (read addrs, err error) {
	var seen map[ip]struct{}
	err = dump(func() error {
		read = addrs{bound: make(map[deviceAddr]struct{})}
		seen = make(map[ip]struct{})
		c := k.route
		c.Begin(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		c.Raw(unix.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0)
		return c.Query(func(_ uint16, payload []byte) error {
			a, at, err := parseAddr(payload)
			if err != nil || a.family == 0 || a.addr().IsLoopback() || a.family == unix.AF_INET6 && a.addr().IsLinkLocalUnicast() {
				return err
			}
			if at == index {
				read.bound[a] = struct{}{}
			} else if _, dup := seen[a.ip]; !dup {
				seen[a.ip] = struct{}{}
				read.own = append(read.own, a.ip)
			}
			return nil
		})
	})
	if err != nil {
		return addrs{}, fmt.Errorf("reading the node's addresses: %w", err)
	}
	return read, nil
}

// parseAddr reads the payload of an address message. An address of another
// family than IPv4 and IPv6 is none.
func parseAddr(payload []byte) (a deviceAddr, index int32, err error) {
	if len(payload) < unix.SizeofIfAddrmsg {
		return a, 0, fmt.Errorf("%w: address message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	family := payload[0]
	if family != unix.AF_INET && family != unix.AF_INET6 {
		return a, 0, nil
	}
	a.prefix = payload[1]
	index = int32(binary.NativeEndian.Uint32(payload[4:]))
	local := false // IFA_ADDRESS is the peer's where there is a peer
	err = nlbatch.EachAttr(payload[unix.SizeofIfAddrmsg:], func(typ uint16, v []byte) error {
		switch {
		case typ == unix.IFA_LOCAL:
			a.ip, local = parseIP(family, v), true
		case typ == unix.IFA_ADDRESS && !local:
			a.ip = parseIP(family, v)
		}
		return nil
	})
	return a, index, err
}

// routeObject names what a refused request was about.
func routeObject(r nlbatch.Refusal) string {
	if len(r.Request) < unix.NLMSG_HDRLEN {
		return "a routing request"
	}
	switch binary.NativeEndian.Uint16(r.Request[4:]) {
	case unix.RTM_NEWLINK:
		return "creating the dummy device " + device
	case unix.RTM_DELLINK:
		return "removing the dummy device " + device
	case unix.RTM_NEWADDR:
		a, _, _ := parseAddr(r.Request[unix.NLMSG_HDRLEN:])
		return fmt.Sprintf("binding %v to %s", a.ip, device)
	case unix.RTM_DELADDR:
		a, _, _ := parseAddr(r.Request[unix.NLMSG_HDRLEN:])
		return fmt.Sprintf("unbinding %v from %s", a.ip, device)
	}
	return "a routing request"
}
