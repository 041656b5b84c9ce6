package conformance

import (
	"reflect"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/apiclient"
)

// The objects that the backend kube-proxy makes of a State are those of which the
// State is made.
func TestObjectsOfAState(t *testing.T) {
	check := func(name string, o *Objects) {
		t.Helper()
		want, err := o.State()
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&Objects{*apiclient.ObjectsOf(want)}).State()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, s := range []*backends.State{want, got} {
			s.Unserved = nil
			slices.SortFunc(s.Services, func(p, q backends.ServicePort) int { return p.Compare(&q) })
		}
		if !reflect.DeepEqual(want.Node, got.Node) {
			t.Errorf("%s: the node is %+v, want %+v", name, got.Node, want.Node)
		}
		for _, c := range backends.Diff(want, got).Changes {
			t.Errorf("%s: a ServicePort is\n%+v, want\n%+v", name, c.New, c.Old)
		}
	}
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		check(c.Name, c.Objects)
	}
	for seed := range uint64(40) {
		w := NewWalk(seed)
		for range 5 {
			check("a walk", w.Objects())
			w.Step()
		}
	}
}
