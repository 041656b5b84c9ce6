// Package ipvs programs Services as kube-proxy 1.36.3 does in its IPVS mode with
// --cluster-cidr: a virtual server per VIP with a real server per endpoint, VIPs
// bound to the dummy device kube-ipvs0, virtual servers of node ports on every
// address of the node, seventeen ipsets a family, and the few iptables rules
// that match on those. kubernetes/pkg/proxy/ipvs is the source of every name,
// text and order here. The families are those of backends.Node.Programs.
//
// What differs from the real one, and why:
//   - Rules and set entries are in place before the virtual servers that need
//     them; kube-proxy goes the other way round. The outcome is the same, and
//     no packet passes unmasqueraded meanwhile.
//   - Services are programmed in the state's order; kube-proxy's is random.
//     Likewise of ServicePorts that share a VIP it is random which one has the
//     virtual server: here it is always the same one (see plan.put).
//   - Each Sync makes real servers' weights right; kube-proxy only its first.
//   - When a virtual server goes, so does the memory of its real servers that
//     waited for their connections to end. kube-proxy's stays, and takes away a
//     real server that came back with the virtual server.
//   - IPv6's proxier of kube-proxy runs wherever the kernel has IPv6, here when
//     the node has an address of it.
//   - kube-proxy logs an object that it could not program and goes on; here
//     Sync fails and names it.
//   - Virtual servers with a firewall mark are left alone.
//   - A real server has the weight of its endpoint. kube-proxy gives each 1, as an
//     endpoint has that nothing is said of.
package ipvs

import (
	"context"
	"errors"
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// Path says how the state gets into the kernel. Both make the same objects.
type Path string

// The paths.
const (
	// Batched sends netlink messages of our own, hundreds with one system
	// call. It is the default.
	Batched Path = "batched"
	// KubeProxy takes kube-proxy's steps: a request and its answer per
	// object, reading each Service back before and after, and a process per
	// set entry and per iptables chain. Apply is a whole Sync: kube-proxy
	// knows no other.
	KubeProxy Path = "kube-proxy"
)

// Options choose what kube-proxy's flags choose. The zero value is the default
// of each.
type Options struct {
	Path      Path   // default Batched
	Scheduler string // the virtual servers' scheduler, one of Schedulers, default "rr"
	// Iptables is the program that takes the rules, default "iptables": the
	// variant that the machine's administrator chose, as for kube-proxy. Name
	// "iptables-legacy" or "iptables-nft" to choose one; NAME-save and
	// NAME-restore must exist too, and for IPv6 the same with ip6tables.
	Iptables string
}

// Backend is kube-proxy's IPVS mode.
type Backend struct {
	path      Path
	scheduler string
	iptables  string
	run       runner
	sysctls   sysctlDir

	plans   []*plan // of what the last Sync or Apply reached; nil when there is no such
	leaving leaving
}

// New makes a Backend. It touches nothing.
func New(o Options) *Backend {
	b := &Backend{path: Batched, scheduler: "rr", iptables: "iptables", run: runProgram, sysctls: "/proc/sys", leaving: leaving{}}
	if o.Path != "" {
		b.path = o.Path
	}
	if o.Scheduler != "" {
		b.scheduler = o.Scheduler
	}
	if o.Iptables != "" {
		b.iptables = o.Iptables
	}
	return b
}

// tables is the family's iptables.
func (b *Backend) tables(f *family) iptables { return iptables{f.iptables(b.iptables), b.run} }

// Sync makes the kernel equal to the state: also virtual servers, addresses of
// kube-ipvs0 and entries of kube-proxy's sets that others left go away. A TCP
// real server that goes away while it has connections gets the weight 0, as
// with kube-proxy, and stays until Settle finds them ended.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	if err := b.sync(ctx, state); err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	return nil
}

func (b *Backend) sync(ctx context.Context, state *backends.State) error {
	if err := errors.Join(ctx.Err(), state.Check()); err != nil {
		return err
	}
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	if k.family == 0 {
		return b.noIPVS()
	}
	node, err := k.node()
	if err != nil {
		return err
	}
	plans, err := newPlans(state, &node.addrs)
	if err != nil {
		return err
	}
	for _, p := range plans {
		if err := b.needFamily(p.family); err != nil {
			return err
		}
	}
	b.plans = nil
	switch b.path {
	case Batched:
		err = b.syncBatched(ctx, k, node, state, plans)
	case KubeProxy:
		err = b.syncStepwise(ctx, k, node, state, plans)
	default:
		err = fmt.Errorf("no such path %q: there are %q and %q", b.path, Batched, KubeProxy)
	}
	if err != nil {
		return err
	}
	for _, p := range plans {
		p.forgetOrder()
	}
	b.plans = plans
	return nil
}

// newPlans are those of the families that kube-proxy programs.
func newPlans(state *backends.State, node *addrs) ([]*plan, error) {
	plans := []*plan{} // not nil: there may be none
	for _, f := range families {
		if !state.Node.Programs(f.name) {
			continue
		}
		p, err := newPlan(f, state, node.ofFamily(f))
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

var (
	_ backends.Backend  = (*Backend)(nil)
	_ backends.Applier  = (*Backend)(nil)
	_ backends.Settler  = (*Backend)(nil)
	_ backends.Renderer = (*Backend)(nil)
)
