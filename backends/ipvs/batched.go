package ipvs

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/conntrack"
)

// syncBatched is Sync by our own netlink messages. Each kind of object is
// compared with what the kernel has, so that requests are only sent for what
// differs: from empty that is a read of nothing.
func (b *Backend) syncBatched(ctx context.Context, w *want) error {
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	if k.family == 0 {
		return noIPVS()
	}
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
	steps := []func() error{
		func() error { return b.sysctls.set(sysctls(kernelRelease())) },
		func() error { return k.addToSets(w, headers) },
		func() error { return b.iptables.sync(ctx, w.rules) },
		func() error { return k.syncAddrs(ctx, w) },
		func() error { return k.syncServers(ctx, w, have, b.scheduler, b.flags()) },
		func() error { return k.takeFromSets(w, headers) },
		func() error { return conntrack.DropStale(w.state) },
	}
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
func (k *kernel) addToSets(w *want, headers map[string]setHeader) error {
	revisions := make(map[string]uint8)
	for _, s := range kubeSets {
		if _, there := headers[s.name]; there {
			continue
		}
		if _, asked := revisions[s.typ]; !asked {
			r, err := k.revision(s.typ)
			if err != nil {
				return err
			}
			revisions[s.typ] = r
		}
	}
	for _, s := range kubeSets {
		// A set that is there is asked for once more if its type is another:
		// the kernel's refusal says it best.
		if h, there := headers[s.name]; !there || h.typ != s.typ {
			if err := k.putSet(s, revisions[s.typ]); err != nil {
				return name(err, setObject)
			}
		}
	}
	if err := k.sets.Flush(); err != nil {
		return name(err, setObject)
	}
	for _, s := range kubeSets {
		var have map[entry]struct{}
		if headers[s.name].elements > 0 && s.typ != bitmapPort {
			var err error
			if have, err = k.entries(s.name); err != nil {
				return err
			}
		}
		a := adder{k: k, cmd: ipsetAdd, set: s}
		err := w.each(s.name, func(e entry) error {
			if _, there := have[e]; there {
				return nil
			}
			return a.put(e)
		})
		if err == nil {
			err = a.end()
		}
		if err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// takeFromSets removes the entries that the state does not have.
func (k *kernel) takeFromSets(w *want, headers map[string]setHeader) error {
	for _, s := range kubeSets {
		if headers[s.name].elements == 0 {
			continue
		}
		wanted := make(map[entry]struct{})
		_ = w.each(s.name, func(e entry) error { wanted[e] = struct{}{}; return nil })
		if len(wanted) == 0 {
			if err := k.putSetCommand(ipsetFlush, s.name); err != nil {
				return name(err, setObject)
			}
			continue
		}
		have, err := k.entries(s.name)
		if err != nil {
			return err
		}
		a := adder{k: k, cmd: ipsetDel, set: s}
		for e := range have {
			if _, keep := wanted[e]; keep {
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

// syncAddrs makes the dummy device, and its addresses those of the state.
func (k *kernel) syncAddrs(ctx context.Context, w *want) error {
	index, _, err := k.link(device)
	if err != nil {
		return err
	}
	var have map[boundAddr]struct{}
	if index == 0 {
		if err := firstError(k.putDummy(device), k.route.Flush); err != nil {
			return name(err, routeObject)
		}
		if index, _, err = k.link(device); err != nil {
			return err
		}
	} else if have, err = k.addrs(index); err != nil {
		return err
	}
	for _, addr := range w.addrs {
		a := boundAddr{addr, 32}
		if _, there := have[a]; there {
			delete(have, a)
			continue
		}
		if err := firstError(k.putAddr(unix.RTM_NEWADDR, index, a), ctx.Err); err != nil {
			return name(err, routeObject)
		}
	}
	for a := range have {
		if err := k.putAddr(unix.RTM_DELADDR, index, a); err != nil {
			return name(err, routeObject)
		}
	}
	return name(k.route.Flush(), routeObject)
}

// syncServers makes the virtual servers, of which have are there, and their
// real servers those of the state.
func (k *kernel) syncServers(ctx context.Context, w *want, have []*virtualServer, scheduler string, flags uint32) error {
	var byVIP map[vip]*virtualServer // nil from empty, where nothing need be looked up
	if len(have) > 0 {
		byVIP = make(map[vip]*virtualServer, len(have))
	}
	for _, s := range have {
		if s.ours() {
			byVIP[s.vip] = s
		}
	}
	for i := range w.servers {
		s := &w.servers[i]
		there := byVIP[s.vip]
		if err := firstError(k.syncServer(s, there, scheduler, flags), ctx.Err); err != nil {
			return name(err, ipvsObject)
		}
		delete(byVIP, s.vip)
	}
	for v := range byVIP {
		if err := k.putVirtualServerGone(v); err != nil {
			return name(err, ipvsObject)
		}
	}
	return name(k.ipvs.Flush(), ipvsObject)
}

// syncServer adds the requests that one virtual server needs. there is the
// kernel's, nil when it has none.
func (k *kernel) syncServer(s *server, there *virtualServer, scheduler string, flags uint32) error {
	switch {
	case there == nil:
		if err := k.putVirtualServer(cmdNewService, s.vip, scheduler, flags); err != nil {
			return err
		}
		for _, d := range s.dests {
			if err := k.putRealServer(cmdNewDest, s.vip, d); err != nil {
				return err
			}
		}
		return nil
	case there.scheduler != scheduler || there.flags != flags || there.timeout != 0 || there.netmask != hostMask:
		if err := k.putVirtualServer(cmdSetService, s.vip, scheduler, flags); err != nil {
			return err
		}
	}
	for _, d := range s.dests {
		have, ok := there.dests[d]
		delete(there.dests, d)
		cmd := uint8(cmdNewDest)
		switch {
		case ok && have == wanted:
			continue
		case ok:
			cmd = cmdSetDest
		}
		if err := k.putRealServer(cmd, s.vip, d); err != nil {
			return err
		}
	}
	for d := range there.dests {
		if err := k.putRealServer(cmdDelDest, s.vip, d); err != nil {
			return err
		}
	}
	return nil
}

// firstError is err, or what next says.
func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}
