package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab/endpoint"
)

// Topology is the network around the node, whose namespace is the process's own:
//
//	client ─┐        ┌─ endpoints-1
//	        ├─ node ─┼─ endpoints-2
//	pods ───┘        └─ outside
//
// The client is a pod on the node: its address is in the node's pod CIDR and
// every packet that it sends passes the node's PREROUTING and FORWARD hooks.
// The endpoint hosts are other nodes that hold the endpoints there. Pods holds
// the node's own endpoints, and is there when the state has such, the client
// aside, who answers for itself. Outside is beyond the node, and is there when it
// is asked for.
//
// All of it is there in each family in which the node has an address.
// Neighbours are permanent and IPv6 finds nothing out by itself, so that no
// packet of theirs passes while something is measured.
type Topology struct {
	Client    *Host
	Endpoints []*Host
	Pods      *Host // nil without local endpoints
	Outside   *Host // nil unless asked for

	servers []*server
	links   []string // the node's ends of the veth pairs
}

// Build makes the topology around the current process's network namespace for
// a state: every endpoint of it answers, ready or not. The process must have
// gone through EnterNode.
func Build(ctx context.Context, state *backends.State) (*Topology, error) {
	return BuildWith(ctx, state, Extras{})
}

// BuildWith is Build with what the state alone does not call for.
func BuildWith(ctx context.Context, state *backends.State, extras Extras) (_ *Topology, err error) {
	t := &Topology{}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	plan, err := newPlan(state, extras)
	if err != nil {
		return nil, err
	}
	node, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink on the node: %w", err)
	}
	defer node.Close()
	if err := plan.ready(); err != nil {
		return nil, err
	}
	if t.Client, err = t.add(node, plan, "client", "veth-client", family.client); err != nil {
		return nil, err
	}
	for i := range 2 {
		h, err := t.add(node, plan, fmt.Sprintf("endpoints-%d", i+1), fmt.Sprintf("eth%d", i), func(f family) ends { return f.endpoints(i) })
		if h != nil {
			t.Endpoints = append(t.Endpoints, h)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := plan.defaultRoutes(node); err != nil {
		return nil, err
	}
	if plan.pods {
		if t.Pods, err = t.add(node, plan, "pods", "veth-pods", family.pods); err != nil {
			return nil, err
		}
	}
	if extras.Outside {
		outside := func(f family) ends { return f.outside(extras.Beyond) }
		if t.Outside, err = t.add(node, plan, "outside", "veth-outside", outside); err != nil {
			return nil, err
		}
	}
	err = t.serve(plan, func(h *Host, ports endpoint.Ports) error {
		s, err := startServer(ctx, h, ports)
		if err == nil {
			t.servers = append(t.servers, s)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// add makes a host and connects it to the node. It returns the host beside an
// error, for Close.
func (t *Topology) add(node *netlink.Handle, p *plan, name, near string, of func(family) ends) (*Host, error) {
	h, err := newHost(name)
	if err != nil {
		return nil, err
	}
	if err := h.Do(p.ready); err != nil {
		return h, err
	}
	w := wire{near: near, far: h}
	for _, f := range p.families {
		w.ends = append(w.ends, of(f))
	}
	if err := w.connect(node); err != nil {
		return h, err
	}
	t.links = append(t.links, near)
	return h, nil
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
	for _, h := range append(slices.Clone(t.Endpoints), t.Client, t.Pods, t.Outside) {
		if h != nil {
			errs = append(errs, h.close())
		}
	}
	return errors.Join(errs...)
}

// GatewayAddr is the node's address of a family among its pods: the first of its pod
// range, the zero Addr when it has none.
func GatewayAddr(n *backends.Node, f backends.Family) netip.Addr {
	pods := n.PodCIDR(f)
	if !pods.IsValid() {
		return netip.Addr{}
	}
	return pods.Addr().Next()
}

// ClientAddr is the client pod's address of a family: the second of the node's
// pod range, whose first is the gateway. It is the zero Addr when the node has no
// pod range of the family.
func ClientAddr(n *backends.Node, f backends.Family) netip.Addr {
	pods := n.PodCIDR(f)
	if !pods.IsValid() {
		return netip.Addr{}
	}
	return pods.Addr().Next().Next()
}
