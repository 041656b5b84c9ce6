package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

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

// boundAddr is an address of a device.
type boundAddr struct {
	addr [4]byte
	bits uint8 // of its prefix; kube-proxy's have 32
}

// putAddr adds a request to bind (unix.RTM_NEWADDR) or unbind
// (unix.RTM_DELADDR) an address.
func (k *kernel) putAddr(cmd uint16, index int32, a boundAddr) error {
	c := k.route
	var flags uint16
	if cmd == unix.RTM_NEWADDR {
		flags = unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	c.Begin(cmd, flags)
	head := [unix.SizeofIfAddrmsg]byte{unix.AF_INET, a.bits, 0, unix.RT_SCOPE_UNIVERSE}
	binary.NativeEndian.PutUint32(head[4:], uint32(index))
	c.Raw(head[:]...)
	c.Addr(unix.IFA_LOCAL, a.addr)
	c.Addr(unix.IFA_ADDRESS, a.addr)
	return c.End()
}

// addrs reads the IPv4 addresses of a device.
func (k *kernel) addrs(index int32) (bound map[boundAddr]struct{}, err error) {
	err = dump(func() error {
		bound = make(map[boundAddr]struct{})
		c := k.route
		c.Begin(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		c.Raw(unix.AF_INET, 0, 0, 0, 0, 0, 0, 0)
		return c.Query(func(_ uint16, payload []byte) error {
			a, at, err := parseAddr(payload)
			if at == index {
				bound[a] = struct{}{}
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the addresses of %s: %w", device, err)
	}
	return bound, nil
}

// parseAddr reads the payload of an address message.
func parseAddr(payload []byte) (a boundAddr, index int32, err error) {
	if len(payload) < unix.SizeofIfAddrmsg {
		return a, 0, fmt.Errorf("%w: address message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	a.bits = payload[1]
	index = int32(binary.NativeEndian.Uint32(payload[4:]))
	err = nlbatch.EachAttr(payload[unix.SizeofIfAddrmsg:], func(typ uint16, v []byte) error {
		if typ == unix.IFA_LOCAL {
			a.addr = nlbatch.Addr(v)
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
		return fmt.Sprintf("binding %v to %s", netip.AddrFrom4(a.addr), device)
	case unix.RTM_DELADDR:
		a, _, _ := parseAddr(r.Request[unix.NLMSG_HDRLEN:])
		return fmt.Sprintf("unbinding %v from %s", netip.AddrFrom4(a.addr), device)
	}
	return "a routing request"
}
