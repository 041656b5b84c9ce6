// Package apiserver is as much of a Kubernetes API server as a node's proxy
// needs: Services, EndpointSlices, Nodes and ServiceCIDRs to list and to watch,
// and a place for events. It has no authentication, no admission and no
// storage; whoever holds the Store is the rest of the cluster.
//
// The Store has the objects and the log of their changes; Handler serves it.
// Each object is encoded once in a format, whatever the number of readers, and a
// reader that is slow holds nothing but its place in the log.
package apiserver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// DefaultHistory is how many changes of a resource can be watched from before
// they happened.
const DefaultHistory = 100_000

// Store holds objects. One sequence of resource versions counts the changes of
// all of them, from 1; version 0 is before the first. It is safe for concurrent
// use.
type Store struct {
	history int

	mu          sync.Mutex
	version     uint64
	collections map[Resource]*collection
	changed     chan struct{} // closed at the next change
}

// collection is the objects of a resource. The log has every change after the
// version start, in order.
type collection struct {
	objects map[string]*entry // by namespace/name
	log     []change
	start   uint64
}

// entry is an object as it was from one change to the next. It is immutable, and
// encoded when somebody reads it first.
type entry struct {
	object  Object
	labels  labels.Set
	fields  fields.Set
	encoded [formatCount]struct {
		once  sync.Once
		bytes []byte
		err   error
	}
}

func newEntry(o Object, f fields.Set) *entry {
	return &entry{object: o, labels: o.GetLabels(), fields: f}
}

func (e *entry) in(f format) ([]byte, error) {
	c := &e.encoded[f.index()]
	c.once.Do(func() { c.bytes, c.err = f.encode(e.object) })
	if c.err != nil {
		return nil, fmt.Errorf("encoding %s: %w", key(e.object), c.err)
	}
	return c.bytes, nil
}

// at is the object as it was, with another version.
func (e *entry) at(version uint64) *entry {
	o := e.object.DeepCopyObject().(Object)
	o.SetResourceVersion(strconv.FormatUint(version, 10))
	return newEntry(o, e.fields)
}

// change is what happened to an object: one of old and new may be nil.
type change struct {
	version  uint64
	old, new *entry
}

// NewStore makes an empty Store that remembers so many changes a resource; 0 is
// DefaultHistory.
func NewStore(history int) *Store {
	if history == 0 {
		history = DefaultHistory
	}
	s := &Store{history: history, collections: map[Resource]*collection{}, changed: make(chan struct{})}
	for _, r := range Resources() {
		s.collections[r] = &collection{objects: map[string]*entry{}}
	}
	return s
}

// Set adds objects, or replaces those of the same name. They are copied. Each is
// a change and a resource version of its own, in the order given; after an error
// those before are set.
func (s *Store) Set(objects ...Object) error {
	for _, o := range objects {
		r, f, err := resourceOf(o)
		if err != nil {
			return err
		}
		o = o.DeepCopyObject().(Object)
		o.GetObjectKind().SetGroupVersionKind(r.GroupVersionKind)
		s.set(r, o, f)
	}
	return nil
}

func (s *Store) set(r Resource, o Object, f fields.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.SetResourceVersion(strconv.FormatUint(s.version+1, 10))
	c, e := s.collections[r], newEntry(o, f)
	s.log(r, change{s.version + 1, c.objects[key(o)], e})
	c.objects[key(o)] = e
}

// Delete takes objects away, by their names; those that are not there are passed
// over.
func (s *Store) Delete(objects ...Object) error {
	for _, o := range objects {
		r, _, err := resourceOf(o)
		if err != nil {
			return err
		}
		s.delete(r, key(o))
	}
	return nil
}

func (s *Store) delete(r Resource, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[r]
	if old := c.objects[key]; old != nil {
		s.log(r, change{s.version + 1, old, nil})
		delete(c.objects, key)
	}
}

// log records the change that makes the next version.
func (s *Store) log(r Resource, ch change) {
	c := s.collections[r]
	s.version = ch.version
	if len(c.log) >= s.history {
		drop := max(1, s.history/4) // not each time one
		c.start = c.log[drop-1].version
		c.log = slices.Clone(c.log[drop:])
	}
	c.log = append(c.log, ch)
	close(s.changed)
	s.changed = make(chan struct{})
}

// snapshot gives the objects of a resource in the order of their keys, and the
// version that they are of.
func (s *Store) snapshot(r Resource) (uint64, []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[r]
	keys := make([]string, 0, len(c.objects))
	for k := range c.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	entries := make([]*entry, len(keys))
	for i, k := range keys {
		entries[i] = c.objects[k]
	}
	return s.version, entries
}

func (s *Store) get(r Resource, key string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.collections[r].objects[key]
}

// since gives what happened to a resource after a version, and what is closed
// when more does. Its ok is false when the log does not reach back so far.
func (s *Store) since(r Resource, version uint64) (changes []change, more <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collections[r]
	if version < c.start {
		return nil, nil, false
	}
	at, _ := slices.BinarySearchFunc(c.log, version+1, func(ch change, v uint64) int {
		switch {
		case ch.version < v:
			return -1
		case ch.version > v:
			return 1
		}
		return 0
	})
	return c.log[at:len(c.log):len(c.log)], s.changed, true
}

// Version is the version of the last change.
func (s *Store) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func key(o Object) string { return keyOf(o.GetNamespace(), o.GetName()) }

func keyOf(namespace, name string) string {
	return strings.TrimPrefix(namespace+"/"+name, "/")
}
