package cluster

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/svcmark/svcmark/scenarios"
)

// A Builder gathers a cluster's objects, in any order, each as it comes: none is
// kept, so a dump can be far larger than what is made of it.
type Builder struct {
	services   map[key]*service
	slices     map[key][]subset // by the Service that they belong to
	sliceNames map[key]int64
	nodes      map[string]Node
	passedOver map[string]int
	mistakes   Mistakes
	texts      map[string]string // one copy of each name
	hints      map[string][]string
	offset     int64 // of the object that is being read, -1 without input
}

type key struct{ namespace, name string }

func (k key) compare(l key) int {
	return cmp.Or(cmp.Compare(k.namespace, l.namespace), cmp.Compare(k.name, l.name))
}

type service struct {
	scenarios.Service
	offset int64
}

// subset is what one EndpointSlice says.
type subset struct {
	name string
	scenarios.Subset
}

// NewBuilder is a Builder that has seen nothing.
func NewBuilder() *Builder {
	return &Builder{
		services: map[key]*service{}, slices: map[key][]subset{}, sliceNames: map[key]int64{}, nodes: map[string]Node{},
		passedOver: map[string]int{}, texts: map[string]string{}, hints: map[string][]string{}, offset: -1,
	}
}

// Cluster is what the objects amount to. The error is a *Mistakes with all that
// is wrong with them.
func (b *Builder) Cluster() (*Cluster, error) {
	c := &Cluster{PassedOver: b.passedOver}
	c.Services = make([]scenarios.Service, 0, len(b.services))
	keys := make([]key, 0, len(b.services))
	for k := range b.services {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, key.compare)
	for _, k := range keys {
		c.Services = append(c.Services, b.services[k].Service)
	}
	scenarios.CheckTogether(c.Services, func(i int, field, format string, args ...any) {
		b.offset = b.services[keys[i]].offset
		b.failer("Service", keys[i].namespace, keys[i].name)("spec."+field, format, args...)
	})
	if len(b.mistakes.First) > 0 {
		return nil, &b.mistakes
	}
	for i, k := range keys {
		if s := &c.Services[i]; s.Served() {
			s.Endpoints = merge(b.slices[k])
		}
		delete(b.slices, k)
	}
	for _, orphans := range b.slices {
		b.passedOver["EndpointSlices of no Service"] += len(orphans)
	}
	for _, n := range b.nodes {
		c.Nodes = append(c.Nodes, n)
	}
	slices.SortFunc(c.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return c, nil
}

// merge puts a Service's slices one after another, those in a row with the same
// ports as one. kube-proxy walks them in random order; here it is that of their
// names, which decides where two of them have the same address.
func merge(sets []subset) []scenarios.Subset {
	slices.SortFunc(sets, func(a, b subset) int { return cmp.Compare(a.name, b.name) })
	var merged []scenarios.Subset
	for _, set := range sets {
		if last := len(merged) - 1; last >= 0 && slices.Equal(merged[last].Ports, set.Ports) {
			merged[last].Endpoints = append(merged[last].Endpoints, set.Endpoints...)
			continue
		}
		merged = append(merged, set.Subset)
	}
	return merged
}

// failer notes the mistakes of one object.
func (b *Builder) failer(kind, namespace, name string) scenarios.Fail {
	offset := b.offset
	return func(field, format string, args ...any) {
		b.mistakes.add(Mistake{kind, namespace, name, offset, field, fmt.Sprintf(format, args...)})
	}
}

// text is a name, of which only the first copy is kept.
func (b *Builder) text(s string) string {
	if same, ok := b.texts[s]; ok {
		return same
	}
	b.texts[s] = s
	return s
}
