// Package apiserver is as much of a Kubernetes API server as a node's proxy
// needs: Services, EndpointSlices, Nodes and ServiceCIDRs to list and to watch,
// and a place for events. It has no authentication, no admission and no
// storage; whoever holds the Store is the rest of the cluster.
//
// The Store has the objects and the log of their changes; Handler serves it.
// Each object is encoded once, whatever the number of readers, and a reader
// that is slow holds nothing but its place in the log.
package apiserver

import (
	"bytes"
	"encoding/json"
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

// entry is an object as it was from one change to the next. It is immutable.
type entry struct {
	raw    []byte // JSON
	labels labels.Set
	fields fields.Set
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
		if err := s.set(r, o, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) set(r Resource, o Object, f fields.Set) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.SetResourceVersion(strconv.FormatUint(s.version+1, 10))
	raw, err := encode(o)
	if err != nil {
		return fmt.Errorf("encoding the %s %s: %w", r.Kind, key(o), err)
	}
	s.put(r, key(o), &entry{raw, o.GetLabels(), f})
	return nil
}

// Delete takes objects away, by their names; those that are not there are passed
// over.
func (s *Store) Delete(objects ...Object) error {
	for _, o := range objects {
		r, _, err := resourceOf(o)
		if err != nil {
			return err
		}
		if err := s.delete(r, key(o)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) delete(r Resource, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.collections[r].objects[key]
	if old == nil {
		return nil
	}
	// What is gone is told as it was, with the version of its going.
	raw, err := withVersion(old.raw, s.version+1)
	if err != nil {
		return err
	}
	s.log(r, change{s.version + 1, &entry{raw, old.labels, old.fields}, nil})
	delete(s.collections[r].objects, key)
	return nil
}

func (s *Store) put(r Resource, key string, e *entry) {
	c := s.collections[r]
	s.log(r, change{s.version + 1, c.objects[key], e})
	c.objects[key] = e
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

// withVersion is an encoded object with another resource version.
func withVersion(raw []byte, version uint64) ([]byte, error) {
	var object, metadata map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(object["metadata"], &metadata); err != nil {
		return nil, err
	}
	metadata["resourceVersion"] = fmt.Appendf(nil, `"%d"`, version)
	var err error
	if object["metadata"], err = encode(metadata); err != nil {
		return nil, err
	}
	return encode(object)
}

// encode is json.Marshal without what it does for browsers.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
