package table

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/svcmark/svcmark/backends"
)

// errRebuild is that a change does not fit into the tables: others are needed.
var errRebuild = errors.New("the tables have no room for the change")

// mostResting is how many runs of slots rest before Apply waits for a grace
// period: seldom enough to cost nothing, and far less than the tables have room for.
const mostResting = 256

// Apply takes a Delta, as backends.Applier has it. Its cost is that of the change. When
// slots run out it waits for programs that may read those given back; where that is not
// enough sync has to make others. After an error that came of the kernel the tables go on
// serving, and take no more changes.
func (t *Tables) Apply(ctx context.Context, delta *backends.Delta, ids *Identities, sync func(context.Context, *backends.State) error) error {
	err := t.apply(ctx, delta, ids)
	if errors.Is(err, errRebuild) {
		return sync(ctx, delta.To)
	}
	return err
}

func (t *Tables) apply(ctx context.Context, delta *backends.Delta, ids *Identities) error {
	switch {
	case t == nil || t.broken:
		return errors.New("ebpf: Apply needs a Sync before it")
	case !delta.SameNode():
		return errors.New("ebpf: the node has changed, which needs a Sync")
	}
	changed := backends.State{Node: delta.To.Node}
	for _, c := range delta.Changes {
		if c.New != nil {
			changed.Services = append(changed.Services, *c.New)
		}
	}
	if err := changed.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	all := []*slots{t.endpointSlots, t.frontendSlots, t.blockSlots}
	resting := 0
	for _, s := range all {
		resting += len(s.resting)
	}
	if resting >= mostResting {
		if err := t.wait(); err != nil {
			return err
		}
		for _, s := range all {
			s.settled()
		}
	}
	err := t.change(ctx, delta, ids)
	t.broken = err != nil
	return err
}

// add lays a service out in slots that nobody reads, and notes what to write. Of
// two that want a frontend the first has it.
func (t *Tables) add(w *writes, key backends.Key, v *service, ids *Identities) (err error) {
	id := uint32(0)
	if v.members {
		id = ids.of(key)
	}
	var lists [policies]List
	for i, list := range v.lists {
		r, err := t.endpointSlots.take(uint32(len(list)))
		if err != nil {
			return err
		}
		v.endpoints[i] = r
		for j := range list {
			e := newEndpoint(list[j].Addr)
			w.endpoints.put(r.first+uint32(j), e)
			if id != 0 {
				w.members.put(Member{e, id}, 1)
			}
		}
		lists[i] = List{First: r.first, Count: r.length}
		if t.kind.Maglev && len(list) > 0 {
			entries := maglev(list)
			table := blocks(entries)
			if v.tables[i], err = t.blockSlots.take(uint32(len(table))); err != nil {
				return err
			}
			for j := range table {
				w.blocks.put(v.tables[i].first+uint32(j), table[j])
			}
			lists[i].Table, lists[i].Size = v.tables[i].first, uint32(len(entries))
		}
	}
	version := uint64(0)
	if t.kind.Packets {
		version = v.version()
	}
	for _, vip := range v.vips {
		if _, taken := t.owners[vip.key]; taken {
			t.contested = true
			continue
		}
		slot, err := t.frontendSlots.take(1)
		if err != nil {
			return err
		}
		t.owners[vip.key] = owner{key, slot.first}
		for _, p := range vip.ranges {
			w.ranges = append(w.ranges, newRange(slot.first, p))
		}
		w.frontends.put(slot.first, Target{
			Key: vip.key, Inside: lists[vip.inside], Outside: lists[vip.outside],
			Identity: id, Flags: vip.flags, Timeout: uint64(v.affinity) * nanosPerSecond, Version: version,
		})
		w.services.put(vip.key, slot.first)
	}
	t.served[key] = v
	return nil
}

// drop forgets a service. Its slots rest, and what to delete is given to gone.
func (t *Tables) drop(key backends.Key, ids *Identities, gone *removals) {
	v := t.served[key]
	if v == nil {
		return
	}
	delete(t.served, key)
	for _, vip := range v.vips {
		if o, ok := t.owners[vip.key]; ok && o.key == key {
			delete(t.owners, vip.key)
			t.frontendSlots.give(run{o.slot, 1})
			gone.vips = append(gone.vips, vip.key)
			for _, p := range vip.ranges {
				gone.ranges = append(gone.ranges, newRange(o.slot, p))
			}
		}
	}
	for i, list := range v.lists {
		t.endpointSlots.give(v.endpoints[i])
		t.blockSlots.give(v.tables[i])
		for j := range list {
			if v.members {
				gone.members = append(gone.members, Member{newEndpoint(list[j].Addr), ids.of(key)})
			}
		}
	}
}

// removals are keys to delete once nothing leads to them that should not.
type removals struct {
	vips    []Frontend
	members []Member
	ranges  []Range
}

// change takes a Delta: it writes what is new where nobody looks, leads the
// frontends there, and then deletes what is gone.
func (t *Tables) change(ctx context.Context, delta *backends.Delta, ids *Identities) error {
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
		v := t.kind.newService(&delta.To.Node, c.New)
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
	return t.remove(w, gone)
}

// remove deletes what is gone and was not written again.
func (t *Tables) remove(w *writes, gone *removals) error {
	for _, vip := range gone.vips {
		if _, again := t.owners[vip]; again {
			continue
		}
		if err := t.services.Delete(&vip); err != nil {
			return fmt.Errorf("deleting %s: %w", vip.addrPort(), err)
		}
	}
	kept := map[Member]bool{}
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
	for _, r := range gone.ranges {
		if err := t.ranges.Delete(&r); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("deleting a source range: %w", err)
		}
	}
	return nil
}
