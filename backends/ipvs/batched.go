package ipvs

import (
	"context"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

// syncBatched is Sync by our own netlink messages. Each kind of object is
// compared with what the kernel has, so that requests are only sent for what
// differs: from empty that is a read of nothing.
func (b *Backend) syncBatched(ctx context.Context, k *kernel, node nodeState, state *backends.State, plans []*plan) error {
	have, err := k.virtualServers()
	if err != nil {
		return err
	}
	headers, err := k.setHeaders()
	if err != nil {
		return err
	}
	// From here on the kernel changes: first what every packet needs, then
	// the addresses that attract packets.
	steps := []func() error{func() error { return b.sysctls.set(sysctls(backends.KernelRelease())) }}
	for _, p := range plans {
		steps = append(steps,
			func() error { return k.addToSets(p, headers) },
			func() error { rules := p.rules(); return b.tables(p.family).sync(ctx, &rules) },
		)
	}
	steps = append(steps, func() error { return k.syncAddrs(ctx, node, plans) })
	for _, p := range plans {
		steps = append(steps,
			func() error { return b.syncServers(ctx, k, p, have) },
			func() error { return k.takeFromSets(p, headers) },
		)
	}
	steps = append(steps,
		func() error { return b.removeLost(ctx, k, node, plans, have, headers) },
		func() error { return conntrack.DropStale(state) },
	)
	return inTurn(ctx, steps)
}

// inTurn takes steps until one fails or the context ends.
func inTurn(ctx context.Context, steps []func() error) error {
	for _, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// addToSets creates the sets that are missing and adds the entries that are
// missing.
func (k *kernel) addToSets(p *plan, headers map[string]setHeader) error {
	for _, t := range setTypes {
		asked := false
		var revision uint8
		for id, s := range kubeSets {
			// A set that is there is asked for once more if its type is another:
			// the kernel's refusal says it best.
			if h, there := headers[p.sets[id]]; s.typ != t.typ || there && h.typ == s.typ {
				continue
			}
			if !asked {
				var err error
				if revision, err = k.revision(t.typ); err != nil {
					return err
				}
				asked = true
			}
			if err := k.putSet(p.sets[id], s.typ, p.af, revision); err != nil {
				return name(err, setObject)
			}
		}
		// Asking needs a socket without a batch.
		if err := k.sets.Flush(); err != nil {
			return name(err, setObject)
		}
	}
	for id, s := range kubeSets {
		var have map[entry]struct{}
		if headers[p.sets[id]].elements > 0 {
			var err error
			if have, err = k.entries(p.sets[id]); err != nil {
				return err
			}
		}
		a := adder{k: k, cmd: ipsetAdd, name: p.sets[id], typ: s.typ}
		for i := range p.orderedEntries[id] {
			e := &p.orderedEntries[id][i]
			if _, there := have[*e]; there {
				continue
			}
			if err := a.put(e); err != nil {
				return name(err, setObject)
			}
		}
		if err := a.end(); err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// takeFromSets removes the entries that the plan does not have.
func (k *kernel) takeFromSets(p *plan, headers map[string]setHeader) error {
	for id, s := range kubeSets {
		if headers[p.sets[id]].elements == 0 {
			continue
		}
		if len(p.counts[id]) == 0 {
			if err := k.putSetCommand(ipsetFlush, p.sets[id]); err != nil {
				return name(err, setObject)
			}
			continue
		}
		have, err := k.entries(p.sets[id])
		if err != nil {
			return err
		}
		a := adder{k: k, cmd: ipsetDel, name: p.sets[id], typ: s.typ}
		for e := range have {
			if _, keep := p.counts[id][e]; keep {
				continue
			}
			if err := a.put(&e); err != nil {
				return name(err, setObject)
			}
		}
		if err := a.end(); err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// syncAddrs makes the dummy device, and its addresses of the plans' families
// theirs.
func (k *kernel) syncAddrs(ctx context.Context, node nodeState, plans []*plan) error {
	if len(plans) == 0 {
		return nil
	}
	index, err := k.ensureDevice(node.device)
	if err != nil {
		return err
	}
	for _, p := range plans {
		for i := range p.orderedEntries[setIPVSAddrs] {
			a := hostAddr(p.orderedEntries[setIPVSAddrs][i].ip)
			if _, there := node.bound[a]; there {
				continue
			}
			if err := firstError(k.putAddr(unix.RTM_NEWADDR, index, a), ctx.Err); err != nil {
				return name(err, routeObject)
			}
		}
		for a := range node.bound {
			_, keep := p.counts[setIPVSAddrs][entry{ip: a.ip}]
			if a.family != p.af || keep && a == hostAddr(a.ip) {
				continue
			}
			if err := k.putAddr(unix.RTM_DELADDR, index, a); err != nil {
				return name(err, routeObject)
			}
		}
	}
	return name(k.route.Flush(), routeObject)
}

// syncServers makes a family's virtual servers, of which have are there, and
// their real servers those of the plan.
func (b *Backend) syncServers(ctx context.Context, k *kernel, p *plan, have []*virtualServer) error {
	var byVIP map[vip]*virtualServer // nil from empty, where nothing need be looked up
	for _, s := range have {
		if s.ours(p.family) {
			if byVIP == nil {
				byVIP = make(map[vip]*virtualServer, len(have))
			}
			byVIP[s.vip] = s
		}
	}
	b.leaving.keep(p.af, byVIP)
	var gone []retired
	for _, s := range p.orderedServers {
		old, err := b.syncServer(k, p.family, s, byVIP[s.vip])
		if err := firstError(err, ctx.Err); err != nil {
			return name(err, ipvsObject)
		}
		if len(old) > 0 {
			gone = append(gone, retired{s.vip, old})
		}
		delete(byVIP, s.vip)
	}
	for v := range byVIP {
		if err := b.removeServer(k, v); err != nil {
			return name(err, ipvsObject)
		}
	}
	return b.retire(k, gone)
}

func (b *Backend) removeServer(k *kernel, v vip) error {
	delete(b.leaving, v)
	return k.putVirtualServerGone(v)
}

// syncServer adds the requests that one virtual server needs, and says which of
// its real servers must go. there is the kernel's, nil when it has none.
func (b *Backend) syncServer(k *kernel, f *family, s *server, there *virtualServer) (gone []dest, err error) {
	want := b.service(f, s)
	if there == nil {
		if err := k.putVirtualServer(cmdNewService, s.vip, want); err != nil {
			return nil, err
		}
		for _, d := range s.dests {
			if err := k.putRealServer(cmdNewDest, s.vip, d, s.weight(d)); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	if there.service != want {
		if err := k.putVirtualServer(cmdSetService, s.vip, want); err != nil {
			return nil, err
		}
	}
	for _, d := range s.dests {
		have, ok := there.dests[d]
		delete(there.dests, d)
		waited := b.leaving.drop(s.vip, d)
		switch {
		case ok && waited:
			// One that comes back is made anew, as by kube-proxy. The kernel
			// gives it the connections that it still has.
			err = firstError(k.putRealServer(cmdDelDest, s.vip, d, 0),
				func() error { return k.putRealServer(cmdNewDest, s.vip, d, s.weight(d)) })
		case ok && have.wanted(s.weight(d)):
		case ok:
			err = k.putRealServer(cmdSetDest, s.vip, d, s.weight(d))
		default:
			err = k.putRealServer(cmdNewDest, s.vip, d, s.weight(d))
		}
		if err != nil {
			return nil, err
		}
	}
	for d, have := range there.dests {
		if have.weight == 0 && b.leaving.has(s.vip, d) {
			continue
		}
		gone = append(gone, d)
	}
	slices.SortFunc(gone, dest.compare)
	return gone, nil
}

// firstError is err, or what next says.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
