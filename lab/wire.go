package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// wire is a veth pair between the node and a host.
type wire struct {
	near string // name on the node; it is eth0 on the host
	far  *Host
	ends []ends // one a family, the same of both hosts
}

// ends are a wire's two ends in one family. Neighbours are permanent, and all
// that the far host sends goes to the node.
type ends struct {
	near, far netip.Prefix
	// routes are the prefixes that the node sends down the wire, beside what
	// the prefix of near covers.
	routes []netip.Prefix
	// holds are the prefixes of which the far host owns every address, without
	// having to list them.
	holds []netip.Prefix
	// except are addresses within holds that are not the far host's own.
	except []netip.Addr
}

func (w wire) connect(node *netlink.Handle) error {
	far, err := w.far.links()
	if err != nil {
		return err
	}
	defer far.Close()
	if err := w.plug(node, far); err != nil {
		return fmt.Errorf("connecting host %s to the node: %w", w.far.Name, err)
	}
	return nil
}

func (w wire) plug(node, far *netlink.Handle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = w.near
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(w.far.ns))}
	if err := node.LinkAdd(pair); err != nil {
		return fmt.Errorf("adding a veth pair: %w", err)
	}
	var nearAddrs, farAddrs []netip.Prefix
	for _, e := range w.ends {
		nearAddrs, farAddrs = append(nearAddrs, e.near), append(farAddrs, e.far)
	}
	near, err := up(node, w.near, nearAddrs...)
	if err != nil {
		return err
	}
	if _, err := up(far, "lo"); err != nil {
		return err
	}
	eth0, err := up(far, "eth0", farAddrs...)
	if err != nil {
		return err
	}
	for _, e := range w.ends {
		if err := e.lead(node, near, far, eth0); err != nil {
			return err
		}
	}
	return nil
}

// lead makes the neighbours and routes of both ends.
func (e ends) lead(node *netlink.Handle, near netlink.Link, far *netlink.Handle, eth0 netlink.Link) error {
	if err := neighbour(node, near, e.far.Addr(), eth0.Attrs().HardwareAddr); err != nil {
		return err
	}
	if err := neighbour(far, eth0, e.near.Addr(), near.Attrs().HardwareAddr); err != nil {
		return err
	}
	if err := via(far, eth0, everywhere(e.near.Addr()), e.near.Addr(), 0); err != nil {
		return err
	}
	for _, p := range e.routes {
		if err := via(node, near, p, e.far.Addr(), 0); err != nil {
			return err
		}
	}
	if len(e.holds) == 0 {
		return nil
	}
	// The routes that are not local come first: later the kernel would find
	// the gateway among the host's own addresses and refuse it.
	for _, a := range e.except {
		if err := via(far, eth0, only(a), e.near.Addr(), unix.RT_TABLE_LOCAL); err != nil {
			return err
		}
	}
	lo, err := far.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, p := range e.holds {
		local := &netlink.Route{Dst: ipNet(p), LinkIndex: lo.Attrs().Index, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST, Table: unix.RT_TABLE_LOCAL}
		if err := far.RouteAdd(local); err != nil {
			return fmt.Errorf("adding the local route for %s: %w", p, err)
		}
	}
	return nil
}

// via adds a route through a gateway at the other end of a link.
func via(n *netlink.Handle, l netlink.Link, to netip.Prefix, gateway netip.Addr, table int) error {
	r := &netlink.Route{Dst: ipNet(to), Gw: gateway.AsSlice(), Flags: int(netlink.FLAG_ONLINK), LinkIndex: l.Attrs().Index, Table: table}
	if to == only(gateway) {
		r.Gw, r.Flags, r.Scope = nil, 0, netlink.SCOPE_LINK
	}
	if err := n.RouteAdd(r); err != nil {
		return fmt.Errorf("adding the route to %s: %w", to, err)
	}
	return nil
}

// up brings a link up with addresses.
func up(n *netlink.Handle, name string, addrs ...netip.Prefix) (netlink.Link, error) {
	l, err := n.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", name, err)
	}
	for _, a := range addrs {
		if err := address(n, l, a); err != nil {
			return nil, err
		}
	}
	if err := n.LinkSetUp(l); err != nil {
		return nil, fmt.Errorf("bringing %s up: %w", name, err)
	}
	return l, nil
}

// address gives a link an address.
func address(n *netlink.Handle, l netlink.Link, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD // there is nobody to ask whether it is a duplicate
	}
	if err := n.AddrAdd(l, a); err != nil {
		return fmt.Errorf("giving %s the address %s: %w", l.Attrs().Name, p, err)
	}
	return nil
}

func neighbour(n *netlink.Handle, l netlink.Link, addr netip.Addr, mac net.HardwareAddr) error {
	family := unix.AF_INET
	if backends.FamilyOf(addr) == backends.IPv6 {
		family = unix.AF_INET6
	}
	err := n.NeighAdd(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: family, State: netlink.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: mac,
	})
	if err != nil {
		return fmt.Errorf("adding the neighbour %s: %w", addr, err)
	}
	return nil
}

// only is the prefix of one address.
func only(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// everywhere is the prefix of all addresses of an address's family.
func everywhere(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 0).Masked() }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
