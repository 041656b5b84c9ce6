// Package ipvs programs Services as kube-proxy 1.36.3 does in its IPVS mode,
// for ClusterIP over TCP and UDP with --cluster-cidr and IPv4: a virtual server
// per ServicePort with a real server per Endpoint, each ClusterIP bound to the
// dummy device kube-ipvs0, seventeen ipsets, and the few iptables rules that
// match on those. kubernetes/pkg/proxy/ipvs is the source of every name, text
// and order here.
//
// What differs from the real one, and why:
//   - Rules and set entries are in place before the virtual servers that need
//     them; kube-proxy goes the other way round. The outcome is the same, and
//     no packet passes unmasqueraded meanwhile.
//   - Services are programmed in the state's order; kube-proxy's is random.
//   - Real servers that are gone are removed at once, without graceful
//     termination.
//   - kube-proxy logs an object that it could not program and goes on; here
//     Sync fails and names it.
//   - Virtual servers with a firewall mark or an IPv6 address are left alone.
package ipvs

import (
	"context"
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
	// set entry and per iptables chain.
	KubeProxy Path = "kube-proxy"
)

// Options choose what kube-proxy's flags choose. The zero value is the default
// of each.
type Options struct {
	Path      Path   // default Batched
	Scheduler string // the virtual servers' scheduler, default "rr"
	// Iptables is the program that takes the rules, default "iptables": the
	// variant that the machine's administrator chose, as for kube-proxy. Name
	// "iptables-legacy" or "iptables-nft" to choose one; NAME-save and
	// NAME-restore must exist too.
	Iptables string
}

// Backend is kube-proxy's IPVS mode.
type Backend struct {
	path      Path
	scheduler string
	iptables  iptables
	sysctls   sysctlDir
}

// New makes a Backend. It touches nothing.
func New(o Options) *Backend {
	b := &Backend{path: Batched, scheduler: "rr", iptables: iptables{name: "iptables", run: runProgram}, sysctls: "/proc/sys"}
	if o.Path != "" {
		b.path = o.Path
	}
	if o.Scheduler != "" {
		b.scheduler = o.Scheduler
	}
	if o.Iptables != "" {
		b.iptables.name = o.Iptables
	}
	return b
}

// flags are the flags that every virtual server has: kube-proxy lets mh hash
// the source's port as well.
func (b *Backend) flags() uint32 {
	if b.scheduler == "mh" {
		return flagSchedulerHashesPort
	}
	return 0
}

// Sync makes the kernel equal to the state: also virtual servers, addresses of
// kube-ipvs0 and entries of kube-proxy's sets that others left go away.
func (b *Backend) Sync(ctx context.Context, state *backends.State) error {
	w, err := desire(state)
	if err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	switch b.path {
	case Batched:
		err = b.syncBatched(ctx, w)
	case KubeProxy:
		err = b.syncStepwise(ctx, w)
	default:
		err = fmt.Errorf("no such path %q: there are %q and %q", b.path, Batched, KubeProxy)
	}
	if err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	return nil
}
