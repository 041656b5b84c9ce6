package backendtest

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ipvs"
)

// imagined plays the script without a kernel: what a scheduler that keeps a law
// would make of it.
func imagined(steps []step, scheduler string) trace {
	type virtual struct {
		choose chooser
		all    []server
		open   []int
	}
	at := map[step]*virtual{}
	var tr trace
	for _, s := range steps {
		key := step{role: s.role, number: s.number}
		v := at[key]
		if v == nil {
			v = &virtual{all: servers(s.role)}
			if choosers, ok := counting()[scheduler]; ok {
				v.choose = choosers(v.all)
			}
			at[key] = v
		}
		var met int
		switch {
		case s.closes:
			met = v.open[s.which]
			v.open = slices.Delete(v.open, s.which, s.which+1)
			if met != none {
				v.all[met].closed()
			}
		case v.choose != nil:
			met = v.choose(v.all)
		default:
			met = imaginedHash(s, scheduler)
		}
		if !s.closes {
			v.open = append(v.open, met)
			if met != none {
				v.all[met].opened(s.role)
			}
		}
		tr = append(tr, played{s, met})
	}
	return tr
}

// imaginedHash hashes what a scheduler hashes, by another function than the
// kernel's.
func imaginedHash(s step, scheduler string) int {
	h := fnv.New32a()
	switch scheduler {
	case "sh":
		fmt.Fprint(h, s.source.Addr())
	case "mh":
		fmt.Fprint(h, s.source)
	case "dh":
		fmt.Fprint(h, strings.TrimSuffix(s.role, "-udp"), s.number/2)
	}
	return int(h.Sum32() % lawEndpoints)
}

// sameWhenAlike are the schedulers that choose alike when all weights are equal, as
// kube-proxy programs them.
var sameWhenAlike = [][2]string{{"rr", "wrr"}, {"lc", "wlc"}, {"sed", "nq"}}

// judged are the schedulers that have a law for a trace.
func judged() []string {
	return slices.Sorted(func(yield func(string) bool) {
		maps.Keys(counting())(yield)
		maps.Keys(hashing())(yield)
	})
}

// apart holds every law to every scheduler's trace: it takes its own and refuses
// all others.
func apart(t *testing.T, traces map[string]trace) {
	t.Helper()
	for _, of := range judged() {
		for by, tr := range traces {
			err := law(of)(tr)
			switch {
			case of == by && err != nil:
				t.Errorf("%s breaks its law: %v", by, err)
			case of != by && err == nil:
				t.Errorf("%s keeps the law of %s, which can therefore not fail", by, of)
			}
			if of == by || counting()[of] == nil || counting()[by] == nil {
				continue
			}
			same := slices.Contains(sameWhenAlike, [2]string{of, by}) || slices.Contains(sameWhenAlike, [2]string{by, of})
			if err := tr.replay(counting()[of], alike); (err == nil) != same {
				t.Errorf("with equal weights %s keeps the law of %s: %t, want %t (%v)", by, of, err == nil, same, err)
			}
		}
	}
}

// The script makes each law choose otherwise than every other, before any kernel
// plays it.
func TestScriptTellsLawsApart(t *testing.T) {
	n := dualNode()
	steps := script(addresses{backends.IPv4, &n}, 10000)
	traces := map[string]trace{}
	for _, s := range judged() {
		traces[s] = imagined(steps, s)
	}
	apart(t, traces)
	for _, s := range ipvs.Schedulers() {
		if traces[s] == nil && s != "twos" { // which draws, and is held to shares
			t.Errorf("%s has no law", s)
		}
	}
}
