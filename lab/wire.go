package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var defaultRoute = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}

// wire is a veth pair between the node and a host. A prefix that holds means
// that the far host owns every address of it, without having to list them.
type wire struct {
	near     string // name on the node; it is eth0 on the host
	nearAddr netip.Prefix
	far      *Host
	farAddr  netip.Prefix
	holds    netip.Prefix
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
	near, err := up(node, w.near, w.nearAddr)
	if err != nil {
		return err
	}
	if _, err := up(far, "lo", netip.Prefix{}); err != nil {
		return err
	}
	eth0, err := up(far, "eth0", w.farAddr)
	if err != nil {
		return err
	}
	if err := neighbour(node, near, w.farAddr.Addr(), eth0.Attrs().HardwareAddr); err != nil {
		return err
	}
	if err := neighbour(far, eth0, w.nearAddr.Addr(), near.Attrs().HardwareAddr); err != nil {
		return err
	}
	onlink := int(netlink.FLAG_ONLINK)
	if err := far.RouteAdd(&netlink.Route{Dst: defaultRoute, Gw: w.nearAddr.Addr().AsSlice(), Flags: onlink, LinkIndex: eth0.Attrs().Index}); err != nil {
		return fmt.Errorf("adding the default route: %w", err)
	}
	if !w.holds.IsValid() {
		return nil
	}
	if err := node.RouteAdd(&netlink.Route{Dst: ipNet(w.holds), Gw: w.farAddr.Addr().AsSlice(), Flags: onlink, LinkIndex: near.Attrs().Index}); err != nil {
		return fmt.Errorf("adding the route to %s: %w", w.holds, err)
	}
	lo, err := far.LinkByName("lo")
	if err != nil {
		return err
	}
	local := &netlink.Route{Dst: ipNet(w.holds), LinkIndex: lo.Attrs().Index, Type: unix.RTN_LOCAL, Scope: netlink.SCOPE_HOST, Table: unix.RT_TABLE_LOCAL}
	if err := far.RouteAdd(local); err != nil {
		return fmt.Errorf("adding the local route for %s: %w", w.holds, err)
	}
	return nil
}

// up brings a link up with an address, if one is given.
func up(n *netlink.Handle, name string, addr netip.Prefix) (netlink.Link, error) {
	l, err := n.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("finding %s: %w", name, err)
	}
	if addr.IsValid() {
		if err := n.AddrAdd(l, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
			return nil, fmt.Errorf("giving %s the address %s: %w", name, addr, err)
		}
	}
	if err := n.LinkSetUp(l); err != nil {
		return nil, fmt.Errorf("bringing %s up: %w", name, err)
	}
	return l, nil
}

func neighbour(n *netlink.Handle, l netlink.Link, addr netip.Addr, mac net.HardwareAddr) error {
	err := n.NeighAdd(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: unix.AF_INET, State: netlink.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: mac,
	})
	if err != nil {
		return fmt.Errorf("adding the neighbour %s: %w", addr, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
