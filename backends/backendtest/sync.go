package backendtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
)

// A second Sync of one state changes nothing, by the same Backend and by a
// fresh one.
func (s *suite) twice(t *testing.T) {
	b := s.synced(t, before())
	was, count := s.dump(t), objects(t, b)
	for _, again := range []backends.Backend{b, s.backend(t)} {
		sync(t, again, before())
		if is := s.dump(t); is != was {
			t.Errorf("first\n%s\nagain\n%s", was, is)
		}
		if is := objects(t, again); !maps.Equal(is, count) {
			t.Errorf("objects: first %v, again %v", count, is)
		}
	}
	served(t, b, before(), s.client(), s.clientAddr())
}

// Sync over another state gives the kernel that a Sync from empty gives, and
// VIPs that are gone are not served any more.
func (s *suite) change(t *testing.T) {
	b := s.synced(t, after())
	want, count := s.dump(t), objects(t, b)
	clean(t, b)
	sync(t, b, before())
	sync(t, b, after())
	if is := s.dump(t); is != want {
		t.Errorf("over another state\n%s\nfrom empty\n%s", is, want)
	}
	if is := objects(t, b); !maps.Equal(is, count) {
		t.Errorf("objects: over another state %v, from empty %v", is, count)
	}
	served(t, b, after(), s.client(), s.clientAddr())
	unserved(t, gone(before(), after()), s.client())
	if s.expect.Refuses {
		refused(t, after(), s.client())
	}
}

// Sync of no Services at all serves none.
func (s *suite) empty(t *testing.T) {
	b := s.synced(t, state())
	want := s.dump(t)
	sync(t, b, before())
	sync(t, b, state())
	if is := s.dump(t); is != want {
		t.Errorf("over another state\n%s\nfrom empty\n%s", is, want)
	}
	unserved(t, before().Services, s.client())
}

// A context that has ended ends every call, and nothing is changed.
func (s *suite) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := s.synced(t, after())
	was := s.dump(t)
	for _, b := range []backends.Backend{b, s.backend(t)} {
		for name, err := range map[string]error{
			"Probe": b.Probe(ctx), "Sync": b.Sync(ctx, before()), "Cleanup": b.Cleanup(ctx),
		} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s with a context that has ended: %v", name, err)
			}
		}
	}
	if is := s.dump(t); is != was {
		t.Errorf("before\n%s\nafter\n%s", was, is)
	}
}

// A Sync that is interrupted anywhere ends with the context's error, and the
// next one repairs whatever it left.
func (s *suite) interrupt(t *testing.T) {
	b := s.synced(t, after())
	want := s.dump(t)
	for after1 := time.Millisecond; ; after1 *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), after1)
		err := b.Sync(ctx, many(300))
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("interrupted after %s: %v", after1, err)
		}
		sync(t, b, after())
		if is := s.dump(t); is != want {
			t.Fatalf("interrupted after %s, then synced\n%s\nwant\n%s", after1, is, want)
		}
		if err == nil {
			return // it was fast enough: nothing later can interrupt it
		}
	}
}

// many is a state that takes a while.
func many(n int) *backends.State {
	vip, endpoint := netip.MustParseAddr("10.97.0.1"), netip.MustParseAddr("10.161.0.1")
	services := make([]backends.ServicePort, 0, n)
	for i := range n {
		services = append(services, service(fmt.Sprintf("many-%d", i), "", backends.TCP, vip.String()+":80", endpoint.String()+":8080"))
		vip, endpoint = vip.Next(), endpoint.Next()
	}
	return state(services...)
}
