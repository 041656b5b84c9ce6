package apiclient

import (
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/cluster/apiserver"
)

// Change is what differs between two clusters, object by object, in the order in which
// it is pushed: Services first.
type Change struct{ Services, EndpointSlices []apiserver.Change }

// All are its changes in order.
func (c *Change) All() []apiserver.Change {
	return append(c.Services[:len(c.Services):len(c.Services)], c.EndpointSlices...)
}

// Difference leads from the Services and EndpointSlices of old to those of now.
func Difference(old, now *Objects) *Change {
	return &Change{
		Services:       difference(pointers(old.Services), pointers(now.Services)),
		EndpointSlices: difference(pointers(old.EndpointSlices), pointers(now.EndpointSlices)),
	}
}

// ChangeOf is a Delta as a change of the objects of the Services that it touches.
func ChangeOf(d *backends.Delta) *Change {
	touched := map[serviceName]bool{}
	for _, c := range d.Changes {
		for _, p := range []*backends.ServicePort{c.Old, c.New} {
			if p != nil {
				touched[nameOf(p)] = true
			}
		}
	}
	only := func(s *backends.State) *Objects {
		some := &backends.State{Node: s.Node}
		for i := range s.Services {
			if p := &s.Services[i]; touched[nameOf(p)] {
				some.Services = append(some.Services, *p)
			}
		}
		return ObjectsOf(some)
	}
	return Difference(only(d.From), only(d.To))
}

func pointers[T any](list []T) []*T {
	p := make([]*T, len(list))
	for i := range list {
		p[i] = &list[i]
	}
	return p
}

func difference[T apiserver.Object](old, now []T) (changes []apiserver.Change) {
	type name struct{ namespace, name string }
	was := map[name]T{}
	for _, o := range old {
		was[name{o.GetNamespace(), o.GetName()}] = o
	}
	for _, o := range now {
		k := name{o.GetNamespace(), o.GetName()}
		before, there := was[k]
		delete(was, k)
		switch {
		case !there:
			changes = append(changes, apiserver.Change{Now: o})
		case !reflect.DeepEqual(before, o):
			changes = append(changes, apiserver.Change{Old: before, Now: o})
		}
	}
	for _, o := range old {
		if _, gone := was[name{o.GetNamespace(), o.GetName()}]; gone {
			changes = append(changes, apiserver.Change{Old: o})
		}
	}
	return changes
}

// Stamp writes into the EndpointSlices when they were changed, as their controller
// does: proxies tell from it how long a change was on its way.
func (c *Change) Stamp(at time.Time) {
	for _, s := range c.EndpointSlices {
		if o := s.Now; o != nil {
			o.SetAnnotations(map[string]string{corev1.EndpointsLastChangeTriggerTime: at.Format(time.RFC3339Nano)})
		}
	}
}
