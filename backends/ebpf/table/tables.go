// Package table holds what eBPF dataplanes know of Services: maps that are made for
// a State, sized by it, written in batches, and changed beside programs that read
// them; and the parts of programs that look there (Program).
//
// What a program may be looking at is never written again until no program can be
// looking any more: a change is laid out in slots that nobody reads, and then one
// element leads there. So no packet and no socket is given to an endpoint that was not
// the frontend's.
package table

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends"
)

// Kind is for what kind of program tables are.
type Kind struct {
	// Packets is for programs that see packets, whoever sends them: they need what
	// Services say of clients outside, and of flows without connections.
	Packets bool
	// Maglev is for programs that choose by lookup tables.
	Maglev bool
}

// Tables are the maps of a state, and what is in them.
type Tables struct {
	kind                                                    Kind
	services, frontends, endpoints, blocks, members, ranges *ebpf.Map
	// grace is written to for the kernel's promise that after an update of a map of
	// maps no program runs that began before it (maybe_wait_bpf_programs in
	// kernel/bpf/syscall.c).
	grace, graceInner *ebpf.Map

	frontendSlots, endpointSlots, blockSlots *slots
	owners                                   map[Frontend]owner
	served                                   map[backends.Key]*service
	contested                                bool // two ServicePorts want one frontend
	broken                                   bool // a change failed: what is known may be wrong
}

// owner is who has a frontend, and where.
type owner struct {
	key  backends.Key
	slot uint32
}

// NewMap makes a map, whose name then says whose it is.
func NewMap(name string, kind ebpf.MapType, key, value, entries int) (*ebpf.Map, error) {
	spec := &ebpf.MapSpec{Name: "svcmark_" + name, Type: kind, KeySize: uint32(key), ValueSize: uint32(value), MaxEntries: uint32(entries)}
	if kind == ebpf.LPMTrie {
		spec.Flags = noPrealloc
	}
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return nil, fmt.Errorf("making the map %s of %d elements: %w", name, entries, err)
	}
	return m, nil
}

// noPrealloc is BPF_F_NO_PREALLOC, which tries want.
const noPrealloc = 1

// sizes are how many elements a state has in each map.
type sizes struct{ frontends, endpoints, blocks, members, ranges int }

func (z *sizes) add(k Kind, s *service) {
	z.frontends += len(s.vips)
	for _, list := range s.lists {
		z.endpoints += len(list)
		if s.members {
			z.members += len(list)
		}
		if k.Maglev && len(list) > 0 {
			z.blocks += (int(maglevSize(len(list))) + BlockSize - 1) / BlockSize
		}
	}
	for i := range s.vips {
		z.ranges += len(s.vips[i].ranges)
	}
}

// roomFor leaves half as much again for changes.
func roomFor(n int) int { return n + n/2 + 1024 }

// New makes tables that hold a state. Nobody reads them yet.
func New(ctx context.Context, kind Kind, state *backends.State, ids *Identities) (_ *Tables, err error) {
	t := &Tables{kind: kind, owners: make(map[Frontend]owner, len(state.Services)), served: make(map[backends.Key]*service, len(state.Services))}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	var z sizes
	services := make([]*service, len(state.Services))
	for i := range state.Services {
		if services[i] = kind.newService(&state.Node, &state.Services[i]); services[i] != nil {
			z.add(kind, services[i])
		}
	}
	if err := t.make(z); err != nil {
		return nil, err
	}
	w := newWrites(z)
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

func (t *Tables) make(z sizes) (err error) {
	z = sizes{roomFor(z.frontends), roomFor(z.endpoints), roomFor(z.blocks), roomFor(z.members), roomFor(z.ranges)}
	if !t.kind.Maglev {
		z.blocks = 1
	}
	for _, m := range []struct {
		at                  **ebpf.Map
		name                string
		kind                ebpf.MapType
		key, value, entries int
	}{
		{&t.services, "service", ebpf.Hash, FrontendSize, 4, z.frontends},
		{&t.frontends, "front", ebpf.Array, 4, TargetSize, z.frontends},
		{&t.endpoints, "endpnt", ebpf.Array, 4, EndpointSize, z.endpoints},
		{&t.blocks, "maglev", ebpf.Array, 4, blockBytes, z.blocks},
		{&t.members, "member", ebpf.Hash, memberSize, 1, z.members},
		{&t.ranges, "ranges", ebpf.LPMTrie, rangeSize, 1, z.ranges},
		{&t.graceInner, "inner", ebpf.Array, 4, 4, 1},
	} {
		if *m.at, err = NewMap(m.name, m.kind, m.key, m.value, m.entries); err != nil {
			return err
		}
	}
	t.grace, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "svcmark_grace", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1,
		InnerMap: &ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1},
	})
	if err != nil {
		return fmt.Errorf("making a map of maps: %w", err)
	}
	t.frontendSlots, t.endpointSlots, t.blockSlots = newSlots(uint32(z.frontends)), newSlots(uint32(z.endpoints)), newSlots(uint32(z.blocks))
	return nil
}

// Close lets go of the maps. Programs that read them keep them.
func (t *Tables) Close() {
	for _, m := range []*ebpf.Map{t.services, t.frontends, t.endpoints, t.blocks, t.members, t.ranges, t.grace, t.graceInner} {
		m.Close()
	}
}

// wait returns when no program runs any more that may have read what is changed
// by now.
func (t *Tables) wait() error {
	if err := t.grace.Put(uint32(0), uint32(t.graceInner.FD())); err != nil {
		return fmt.Errorf("waiting for programs that run: %w", err)
	}
	return nil
}

// Objects counts the elements of the maps that serve the state: frontends twice,
// for each has a key and a slot, and endpoints. Without tables there are none.
func (t *Tables) Objects(ctx context.Context) (map[string]int, error) {
	if err := ctx.Err(); err != nil || t == nil {
		return map[string]int{"map-elements": 0}, err
	}
	n := 0
	runs := map[uint32]bool{}
	var key Frontend
	var slot uint32
	all := t.services.Iterate()
	for all.Next(&key, &slot) {
		var to Target
		if err := t.frontends.Lookup(slot, &to); err != nil {
			return nil, err
		}
		n += 2
		for _, list := range []List{to.Inside, to.Outside} {
			if list.Count > 0 && !runs[list.First] {
				runs[list.First] = true
				n += int(list.Count + (list.Size+BlockSize-1)/BlockSize)
			}
		}
	}
	return map[string]int{"map-elements": n}, all.Err()
}
