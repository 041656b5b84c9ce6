package ipvs

import (
	"context"
	"fmt"
	"os/exec"
	"slices"

	"golang.org/x/sys/unix"
)

// Cleanup removes kube-proxy's objects of both families: the rules and chains of
// its IPVS mode, its sets, kube-ipvs0, and the virtual servers that the sets
// tell of. Those are filled before a virtual server is made, so that a Sync that
// was interrupted leaves none behind. (kube-proxy's own cleanup removes every
// virtual server, and no set of IPv6.) Sysctls stay as they are, as with
// kube-proxy.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := b.cleanup(ctx); err != nil {
		return fmt.Errorf("ipvs: cleanup: %w", err)
	}
	return nil
}

func (b *Backend) cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.plans, b.leaving = nil, leaving{}
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	headers, err := k.setHeaders()
	if err != nil {
		return err
	}
	index, kind, err := k.link(device)
	if err != nil {
		return err
	}
	if index != 0 && kind != "dummy" {
		return fmt.Errorf("%s is a device of kind %q, not kube-proxy's: remove it by hand", device, kind)
	}
	addrs, err := k.addrs(index)
	if err != nil {
		return err
	}
	servers, err := k.virtualServers()
	if err != nil {
		return err
	}
	for _, f := range families {
		if err := k.removeServers(f, addrs, servers, headers); err != nil {
			return err
		}
	}
	if index != 0 {
		if err := firstError(k.putLinkGone(index), k.route.Flush); err != nil {
			return name(err, routeObject)
		}
	}
	for _, f := range families {
		if err := b.removeRulesAndSets(ctx, k, f, headers); err != nil {
			return err
		}
	}
	return nil
}

// removeLost removes the objects of the families that have no plan, if any of
// their sets is there: what is there of IPv6 beside a state of IPv4 alone is
// nobody else's.
func (b *Backend) removeLost(ctx context.Context, k *kernel, node nodeState, plans []*plan, servers []*virtualServer, headers map[string]setHeader) error {
	for _, f := range families {
		if slices.ContainsFunc(plans, func(p *plan) bool { return p.family == f }) ||
			!slices.ContainsFunc(f.sets[:], func(s string) bool { _, there := headers[s]; return there }) {
			continue
		}
		b.leaving.keep(f.af, nil)
		if err := k.removeServers(f, node.addrs, servers, headers); err != nil {
			return err
		}
		for a := range node.bound {
			if a.family != f.af {
				continue
			}
			if err := k.putAddr(unix.RTM_DELADDR, node.device, a); err != nil {
				return name(err, routeObject)
			}
		}
		if err := k.route.Flush(); err != nil {
			return name(err, routeObject)
		}
		if err := b.removeRulesAndSets(ctx, k, f, headers); err != nil {
			return err
		}
	}
	return nil
}

// removeServers removes the virtual servers of a family whose address is bound
// to kube-ipvs0 or whose VIP one of the family's sets has: by address and port,
// or by the port of one of the node's addresses.
func (k *kernel) removeServers(f *family, node addrs, servers []*virtualServer, headers map[string]setHeader) error {
	var listed [setCount]map[entry]struct{}
	if slices.ContainsFunc(servers, func(s *virtualServer) bool { return s.ours(f) }) {
		for id := range listed {
			if headers[f.sets[id]].elements == 0 {
				continue
			}
			var err error
			if listed[id], err = k.entries(f.sets[id]); err != nil {
				return err
			}
		}
	}
	for _, s := range servers {
		if !s.ours(f) {
			continue
		}
		_, ours := node.bound[hostAddr(s.ip)]
		for id, set := range kubeSets {
			e := s.entry()
			switch {
			case set.typ == hashIPPort:
			case setID(id) == nodePortSets[s.proto][0] && slices.Contains(node.own, s.ip):
				e = entry{port: s.port}
			default:
				continue
			}
			_, is := listed[id][e]
			ours = ours || is
		}
		if !ours {
			continue
		}
		if err := k.putVirtualServerGone(s.vip); err != nil {
			return name(err, ipvsObject)
		}
	}
	return name(k.ipvs.Flush(), ipvsObject)
}

// removeRulesAndSets takes out the rules, which hold the sets, and the sets.
func (b *Backend) removeRulesAndSets(ctx context.Context, k *kernel, f *family, headers map[string]setHeader) error {
	if b.hasTables(f) {
		if err := b.tables(f).cleanup(ctx); err != nil {
			return err
		}
	}
	for _, set := range f.sets {
		if _, there := headers[set]; !there {
			continue
		}
		if err := k.putSetCommand(ipsetDestroy, set); err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// hasTables says whether a family can have rules here: a machine may lack
// ip6tables.
func (b *Backend) hasTables(f *family) bool {
	if f.af == unix.AF_INET {
		return true
	}
	_, err := exec.LookPath(b.tables(f).name + "-save")
	return err == nil
}
