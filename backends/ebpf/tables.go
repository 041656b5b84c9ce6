package ebpf

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends"
)

const (
	stickiest = 65536  // clients with an affinity that are remembered
	mostPeers = 262144 // sockets whose dialed address is remembered
	atOnce    = 4096   // elements of a map written by one system call
)

// shared are the maps that outlive a state.
type shared struct{ stickies, peers *ebpf.Map }

// tables are the maps of a state, and what is in them.
type tables struct {
	shared                                  *shared
	services, frontends, endpoints, members *ebpf.Map
	// grace is written to for the kernel's promise that after an update of a map of
	// maps no program runs that began before it (maybe_wait_bpf_programs in
	// kernel/bpf/syscall.c).
	grace, graceInner *ebpf.Map

	frontendSlots, endpointSlots *slots
	owners                       map[frontend]owner
	served                       map[backends.Key]*service
	contested                    bool // two ServicePorts want one frontend
}

// owner is who has a frontend, and where.
type owner struct {
	key  backends.Key
	slot uint32
}

func newMap(name string, kind ebpf.MapType, key, value, entries int) (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "svcmark_" + name, Type: kind, KeySize: uint32(key), ValueSize: uint32(value), MaxEntries: uint32(entries)})
	if err != nil {
		return nil, fmt.Errorf("making the map %s of %d elements: %w", name, entries, err)
	}
	return m, nil
}

func newShared() (s *shared, err error) {
	s = &shared{}
	if s.stickies, err = newMap("sticky", ebpf.LRUHash, stickySize, stuckSize, stickiest); err == nil {
		s.peers, err = newMap("peers", ebpf.LRUHash, peerSize, frontendSize, mostPeers)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *shared) close() {
	s.stickies.Close()
	s.peers.Close()
}

// roomFor leaves half as much again for changes.
func roomFor(n int) int { return n + n/2 + 1024 }

// newTables makes tables that hold a state. Nobody reads them yet.
func newTables(ctx context.Context, s *shared, state *backends.State, ids *identities) (_ *tables, err error) {
	t := &tables{shared: s, owners: make(map[frontend]owner, len(state.Services)), served: make(map[backends.Key]*service, len(state.Services))}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	frontends, endpoints, members := 0, 0, 0
	services := make([]*service, len(state.Services))
	for i := range state.Services {
		v := newService(&state.Node, &state.Services[i])
		if services[i] = v; v == nil {
			continue
		}
		frontends += len(v.vips)
		for _, list := range v.lists() {
			endpoints += len(list)
			if v.affinity != 0 {
				members += len(list)
			}
		}
	}
	frontends, endpoints = roomFor(frontends), roomFor(endpoints)
	for _, m := range []struct {
		at                  **ebpf.Map
		name                string
		kind                ebpf.MapType
		key, value, entries int
	}{
		{&t.services, "service", ebpf.Hash, frontendSize, 4, frontends},
		{&t.frontends, "front", ebpf.Array, 4, targetSize, frontends},
		{&t.endpoints, "endpnt", ebpf.Array, 4, endpointSize, endpoints},
		{&t.members, "member", ebpf.Hash, memberSize, 1, roomFor(members)},
		{&t.graceInner, "inner", ebpf.Array, 4, 4, 1},
	} {
		if *m.at, err = newMap(m.name, m.kind, m.key, m.value, m.entries); err != nil {
			return nil, err
		}
	}
	t.grace, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "svcmark_grace", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1,
		InnerMap: &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	})
	if err != nil {
		return nil, fmt.Errorf("making a map of maps: %w", err)
	}
	t.frontendSlots, t.endpointSlots = newSlots(uint32(frontends)), newSlots(uint32(endpoints))
	w := &writes{}
	for i, v := range services {
		if v == nil {
			continue
		}
		if err := t.add(w, state.Services[i].Key(), v, ids); err != nil {
			return nil, err
		}
	}
	return t, w.flush(ctx, t)
}

func (t *tables) close() {
	for _, m := range []*ebpf.Map{t.services, t.frontends, t.endpoints, t.members, t.grace, t.graceInner} {
		m.Close()
	}
}

// wait returns when no program runs any more that may have read what is changed
// by now.
func (t *tables) wait() error {
	if err := t.grace.Put(uint32(0), uint32(t.graceInner.FD())); err != nil {
		return fmt.Errorf("waiting for programs that run: %w", err)
	}
	return nil
}

// add lays a service out in slots that nobody reads, and notes what to write. Of
// two that want a frontend the first has it.
func (t *tables) add(w *writes, key backends.Key, v *service, ids *identities) error {
	id := uint32(0)
	if v.affinity != 0 {
		id = ids.of(key)
	}
	lists := v.lists()
	for i, list := range lists {
		r, err := t.endpointSlots.take(uint32(len(list)))
		if err != nil {
			return err
		}
		v.endpoints[i] = r
		for j := range list {
			e := newEndpoint(list[j].Addr)
			w.endpoints.put(r.first+uint32(j), e)
			if id != 0 {
				w.members.put(member{e, id}, 1)
			}
		}
	}
	for i, vip := range v.vips {
		if _, taken := t.owners[vip]; taken {
			t.contested = true
			continue
		}
		slot, err := t.frontendSlots.take(1)
		if err != nil {
			return err
		}
		r := v.endpoints[0]
		if i > 0 && len(lists) == 2 {
			r = v.endpoints[1]
		}
		t.owners[vip] = owner{key, slot.first}
		w.frontends.put(slot.first, target{Key: vip, Count: r.length, First: r.first, Affinity: id, Timeout: uint64(v.affinity) * nanosPerSecond})
		w.services.put(vip, slot.first)
	}
	t.served[key] = v
	return nil
}

// drop forgets a service. Its slots rest, and what to delete is given to gone.
func (t *tables) drop(key backends.Key, ids *identities, gone *removals) {
	v := t.served[key]
	if v == nil {
		return
	}
	delete(t.served, key)
	for _, vip := range v.vips {
		if o, ok := t.owners[vip]; ok && o.key == key {
			delete(t.owners, vip)
			t.frontendSlots.give(run{o.slot, 1})
			gone.vips = append(gone.vips, vip)
		}
	}
	for i, list := range v.lists() {
		t.endpointSlots.give(v.endpoints[i])
		for j := range list {
			if v.affinity != 0 {
				gone.members = append(gone.members, member{newEndpoint(list[j].Addr), ids.of(key)})
			}
		}
	}
}

// removals are keys to delete once nothing leads to them that should not.
type removals struct {
	vips    []frontend
	members []member
}

// errRebuild is that a change does not fit into the tables: others are needed.
var errRebuild = errors.New("the tables have no room for the change")

// change takes a Delta: it writes what is new where nobody looks, leads the
// frontends there, and then deletes what is gone.
func (t *tables) change(ctx context.Context, delta *backends.Delta, ids *identities) error {
	if t.contested {
		return errRebuild
	}
	w, gone := &writes{}, &removals{}
	for _, c := range delta.Changes {
		if c.Old != nil {
			t.drop(c.Old.Key(), ids, gone)
		}
	}
	for _, c := range delta.Changes {
		if c.New == nil {
			continue
		}
		v := newService(&delta.To.Node, c.New)
		if v == nil {
			continue
		}
		if err := t.add(w, c.New.Key(), v, ids); err != nil {
			return errRebuild
		}
	}
	if t.contested || len(w.members.keys) > 0 && len(gone.members) > 1024 {
		return errRebuild
	}
	if err := w.flush(ctx, t); err != nil {
		return err
	}
	for _, vip := range gone.vips {
		if _, again := t.owners[vip]; again {
			continue
		}
		if err := t.services.Delete(&vip); err != nil {
			return fmt.Errorf("deleting %s: %w", vip.addrPort(), err)
		}
	}
	kept := map[member]bool{}
	for _, m := range w.members.keys {
		kept[m] = true
	}
	for _, m := range gone.members {
		if kept[m] {
			continue
		}
		if err := t.members.Delete(&m); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("deleting the affinity to %s: %w", m.Endpoint.addrPort(), err)
		}
	}
	return nil
}

// identities number the ServicePorts with an affinity. A ServicePort keeps its
// number for as long as the Backend lives, and so its clients their endpoints.
type identities map[backends.Key]uint32

func (ids *identities) of(key backends.Key) uint32 {
	if *ids == nil {
		*ids = identities{}
	}
	id, ok := (*ids)[key]
	if !ok {
		id = uint32(len(*ids) + 1)
		(*ids)[key] = id
	}
	return id
}

// writes are elements to write: what is led to before what leads there.
type writes struct {
	endpoints pairs[uint32, endpoint]
	members   pairs[member, uint8]
	frontends pairs[uint32, target]
	services  pairs[frontend, uint32]
}

func (w *writes) flush(ctx context.Context, t *tables) error {
	if err := w.endpoints.write(ctx, t.endpoints); err != nil {
		return err
	}
	if err := w.members.write(ctx, t.members); err != nil {
		return err
	}
	if err := w.frontends.write(ctx, t.frontends); err != nil {
		return err
	}
	return w.services.write(ctx, t.services)
}

// pairs are elements of a map.
type pairs[K, V any] struct {
	keys   []K
	values []V
}

func (p *pairs[K, V]) put(k K, v V) { p.keys, p.values = append(p.keys, k), append(p.values, v) }

func (p *pairs[K, V]) write(ctx context.Context, m *ebpf.Map) error {
	for i := 0; i < len(p.keys); i += atOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(i+atOnce, len(p.keys))
		if _, err := m.BatchUpdate(p.keys[i:end], p.values[i:end], nil); err != nil {
			return fmt.Errorf("writing %d elements to %s: %w", end-i, m, err)
		}
	}
	return nil
}
