package nftables

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// table is what the Backend knows of a family's table that it has programmed.
type table struct {
	*family
	claims claims
	stale  stale
}

// syncFamily makes a family's table equal to the state and gives what is known
// of it then, nil when the node has no address of the family. last is what was
// known before, nil for nothing.
func (t tool) syncFamily(ctx context.Context, f *family, state *backends.State, last *table) (*table, error) {
	if !state.Node.Programs(f.of) {
		return nil, t.deleteTable(ctx, f)
	}
	if last != nil {
		// What cannot be deleted is found again, and waits anew.
		_ = last.stale.deleteDue(ctx, t, f)
	}
	is, err := t.find(ctx, f)
	if err != nil {
		return nil, err
	}
	w := newScript(f)
	var elements map[element]verdict
	switch {
	case is == nil:
	case is.foreign != "":
		// Of another layout, or not kube-proxy's at all: replaced as a whole.
		w.str("delete table ", f.ip, " ", tableName).end()
		is = nil
	default:
		if elements, err = f.elements(ctx, is); err != nil {
			return nil, err
		}
	}
	next := f.full(w, state, is, elements)
	if err := t.run(ctx, w); err != nil {
		return nil, err
	}
	return next, nil
}

// full writes a full sync over what is there, which has these elements.
func (f *family) full(w *script, state *backends.State, is *found, elements map[element]verdict) *table {
	if is == nil {
		is = &found{}
	}
	f.static(w, is)

	next := &table{family: f, claims: claims{}, stale: stale{}}
	var wanted []element
	if !f.everyAddr { // the node takes NodePort traffic at its InternalIP
		wanted = []element{{nodePortIPs, f.nodeIP.String()}}
		next.claims[wanted[0]] = []claim{{}}
	}
	var all []*served
	active, sets := map[string]bool{}, map[string]bool{}
	for i := range state.Services {
		p := &state.Services[i]
		if p.Family() != f.of {
			continue
		}
		s := f.serve(p)
		all = append(all, s)
		s.claims(func(e element, v verdict) {
			if _, known := next.claims[e]; !known {
				wanted = append(wanted, e)
			}
			next.claims.add(p, e, v)
		})
		if len(is.chains) > 0 {
			for _, c := range s.chains() {
				active[c] = true
			}
			for _, set := range s.affinitySets() {
				sets[set] = true
			}
		}
	}

	now := time.Now()
	for _, chain := range slices.Sorted(maps.Keys(is.chains)) {
		if isServiceChain(chain) && !active[chain] {
			next.stale.flush(w, chain, now)
		}
	}
	for _, s := range all {
		s.write(w, is.hasChain, is.affinity)
	}
	for _, set := range slices.Sorted(maps.Keys(is.affinity)) {
		if !sets[set] {
			w.cmd("delete set").str(set).end()
		}
	}
	for _, e := range slices.SortedFunc(maps.Keys(elements), element.compare) {
		if v, ok := next.claims.winner(e); !ok || v != elements[e] {
			e.remove(w)
			delete(elements, e)
		}
	}
	byContainer(wanted)
	for _, e := range wanted {
		if _, there := elements[e]; !there {
			v, _ := next.claims.winner(e)
			e.write(w, v)
		}
	}
	return next
}

func (t tool) deleteTable(ctx context.Context, f *family) error {
	is, err := t.list(ctx, f)
	if err != nil || is == nil {
		return err
	}
	w := newScript(f)
	w.str("delete table ", f.ip, " ", tableName).end()
	return t.run(ctx, w)
}
