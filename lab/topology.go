package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Topology is the network around the node, whose namespace is the process's own:
//
//	client ─── node ─┬─ endpoints-1
//	                 └─ endpoints-2
//
// The client is a pod on the node: its address is in the node's pod CIDR and
// every packet that it sends passes the node's PREROUTING and FORWARD hooks.
// The endpoint hosts are other nodes that hold all the endpoints. Neighbours
// are permanent, so that no ARP happens while something is measured.
type Topology struct {
	Client    *Host
	Endpoints []*Host

	servers []*server
	links   []string // the node's ends of the veth pairs
}

// Build makes the topology around the current process's network namespace for
// a state: endpoint hosts answer on every endpoint of it. The process must
// have gone through EnterNode.
func Build(ctx context.Context, state *backends.State) (_ *Topology, err error) {
	t := &Topology{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	node, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink on the node: %w", err)
	}
	defer node.Close()

	pods := state.Node.PodCIDR(backends.IPv4)
	gateway := pods.Addr().Next()
	if t.Client, err = newHost("client"); err != nil {
		return nil, err
	}
	err = wire{
		near: "veth-client", nearAddr: netip.PrefixFrom(gateway, pods.Bits()),
		far: t.Client, farAddr: netip.PrefixFrom(gateway.Next(), pods.Bits()),
	}.connect(node)
	if err != nil {
		return nil, err
	}
	t.links = append(t.links, "veth-client")

	nodeAddr := state.Node.Addrs[0]
	uplink := nodeAddr
	for i, held := range state.Node.EndpointHostCIDRs(backends.IPv4) {
		h, err := newHost(fmt.Sprintf("endpoints-%d", i+1))
		if err != nil {
			return nil, err
		}
		t.Endpoints = append(t.Endpoints, h)
		uplink = uplink.Next()
		w := wire{
			near: fmt.Sprintf("eth%d", i), nearAddr: netip.PrefixFrom(nodeAddr, 32),
			far: h, farAddr: netip.PrefixFrom(uplink, 32), holds: held,
		}
		if err := w.connect(node); err != nil {
			return nil, err
		}
		t.links = append(t.links, w.near)
	}
	// kube-proxy wants a default route, and packets that the node itself sends
	// to a VIP need one before they can be rewritten.
	eth0, err := node.LinkByName("eth0")
	if err != nil {
		return nil, fmt.Errorf("finding the node's uplink: %w", err)
	}
	err = node.RouteAdd(&netlink.Route{Dst: defaultRoute, Gw: nodeAddr.Next().AsSlice(), Flags: int(netlink.FLAG_ONLINK), LinkIndex: eth0.Attrs().Index})
	if err != nil {
		return nil, fmt.Errorf("adding the node's default route: %w", err)
	}
	for _, h := range t.Endpoints {
		s, err := startServer(ctx, h, portsOf(state))
		if err != nil {
			return nil, err
		}
		t.servers = append(t.servers, s)
	}
	return t, nil
}

// Close takes the hosts away, servers first, and the node's links to them: a
// namespace's own end is asynchronous and would leave those for a while.
func (t *Topology) Close() error {
	var errs []error
	for _, s := range t.servers {
		errs = append(errs, s.stop())
	}
	for _, name := range t.links {
		l, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkDel(l)
		}
		errs = append(errs, err)
	}
	for _, h := range append(t.Endpoints, t.Client) {
		if h != nil {
			errs = append(errs, h.close())
		}
	}
	return errors.Join(errs...)
}
