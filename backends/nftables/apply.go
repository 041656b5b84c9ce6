package nftables

import (
	"context"
	"slices"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// apply leads a family's table through changes, and what is known of it too.
// After an error that is not true any more.
func (t *table) apply(ctx context.Context, nft tool, changes []backends.Change) error {
	_ = t.stale.deleteDue(ctx, nft, t.family) // those that are not deleted wait anew
	w := newScript(t.family)
	before := map[element]*verdict{} // what the touched elements led to, nil for one that was not there
	var touched []element
	touch := func(e element) {
		if _, known := before[e]; known {
			return
		}
		touched = append(touched, e)
		before[e] = nil
		if v, ok := t.claims.winner(e); ok {
			before[e] = &v
		}
	}
	var left []string // affinity sets
	for _, c := range changes {
		var is, was served
		if c.Old != nil {
			was = *t.serve(c.Old)
			was.claims(func(e element, _ verdict) { touch(e); t.claims.remove(c.Old, e) })
		}
		if c.New != nil {
			is = *t.serve(c.New)
			is.claims(func(e element, v verdict) { touch(e); t.claims.add(c.New, e, v) })
		}
		left = append(left, t.change(w, &was, &is)...)
	}
	for _, set := range left {
		w.cmd("delete set").str(set).end()
	}
	byContainer(touched)
	t.replace(w, touched, before)
	return nft.run(ctx, w)
}

// change writes a ServicePort's chains and sets, and gives the sets that it
// leaves behind. Either side may be the zero served, for nothing.
func (t *table) change(w *script, was, is *served) (left []string) {
	oldChains, oldSets := was.chains(), was.affinitySets()
	chains, sets := is.chains(), is.affinitySets()
	now := time.Now()
	for _, chain := range oldChains {
		if !slices.Contains(chains, chain) {
			t.stale.flush(w, chain, now)
		}
	}
	for _, chain := range chains {
		delete(t.stale, chain)
	}
	had := map[string]uint32{}
	for _, set := range oldSets {
		had[set] = was.AffinitySeconds
		if !slices.Contains(sets, set) {
			left = append(left, set)
		}
	}
	if is.ServicePort != nil {
		is.write(w, func(string) bool { return true }, had)
	}
	return left
}

// replace writes those of the touched elements that changed. All that go come
// first.
func (t *table) replace(w *script, touched []element, before map[element]*verdict) {
	var changed []element
	for _, e := range touched {
		was := before[e]
		now, ok := t.claims.winner(e)
		if ok == (was != nil) && (!ok || now == *was) {
			continue
		}
		if was != nil {
			e.remove(w)
		}
		if ok {
			changed = append(changed, e)
		}
	}
	for _, e := range changed {
		v, _ := t.claims.winner(e)
		e.write(w, v)
	}
}
