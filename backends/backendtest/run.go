// Package backendtest is the conformance suite that every backend passes: what
// backends.Backend promises, shown with real packets on a real kernel. It runs
// on a node (lab/labtest), inside namespaces or in the microVM alike.
package backendtest

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
)

// Expectations are what backends may differ in, and what the suite cannot
// know by itself.
type Expectations struct {
	// Column is the backend's in the table of behaviours, which says what each
	// of them comes to.
	Column Column

	// Refuses says that a VIP without endpoints answers with a refusal at
	// once. Otherwise it need only not be served.
	Refuses bool

	// Dump gives everything that the kernel holds of the kinds that the
	// backend makes, its own and others', as text that is equal when the
	// kernel is: without counters, dates, and what the kernel keeps by itself.
	// nil for a backend that programs nothing.
	Dump func(ctx context.Context) (string, error)

	// Foreign puts objects into the kernel that are somebody else's, some with
	// names that resemble the backend's; and remove takes them away.
	// nil for a backend that programs nothing.
	Foreign func(ctx context.Context) (remove func() error, err error)
}

// dialed is a backend whose clients dial something else than the VIP; it
// programs nothing.
type dialed interface {
	Target(p *backends.ServicePort) netip.AddrPort
}

// proxied is a backend that takes packets itself and asks an endpoint in the client's
// stead: the endpoint sees the node. It pays no heed to where endpoints are.
type proxied interface {
	Endpoints(p *backends.ServicePort) []backends.Endpoint
}

func isProxied(b backends.Backend) bool {
	_, ok := b.(proxied)
	return ok
}

// counter is a backend that can count what it made.
type counter interface {
	Objects(ctx context.Context) (map[string]int, error)
}

// Run runs the suite over the backend that fresh makes. On a running kernel
// that lacks what the backend needs there is nothing to run but the refusal
// itself, which must name the feature and the mend; the microVM's kernel lacks
// nothing. A machine that lacks a tool skips, and fails in CI.
func Run(t *testing.T, fresh func() backends.Backend, expect Expectations) {
	if !slices.Contains(Columns(), expect.Column) {
		t.Fatalf("the table of behaviours has no column %q", expect.Column)
	}
	err := fresh().Probe(t.Context())
	if missing := (*backends.NotSupportedError)(nil); errors.As(err, &missing) {
		switch {
		case missing.Feature == "" || missing.Mend == "":
			t.Errorf("the refusal %q does not name the feature and its mend", err)
		case missing.Kernel != "" && os.Getenv(lab.NodeEnv) != "vm":
			t.Logf("this kernel cannot run it, the microVM's does: %v", err)
		case os.Getenv("CI") != "":
			t.Error(err)
		default:
			t.Skip(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{fresh: fresh, expect: expect}
	s.on(t, everything(), func() { s.sections(t) })
	if expect.Column != Direct {
		six := nodeIPv6()
		s.on(t, standing(six), func() {
			t.Run("IPv6Only", func(t *testing.T) { s.behave(t, six) })
		})
	}
}

// on runs a part of the suite on a node with the hosts for a state around it.
func (s *suite) on(t *testing.T, state *backends.State, part func()) {
	t.Helper()
	// The test's context ends before its Cleanup functions run, and with it
	// the hosts' servers would be killed instead of closed.
	top, err := lab.BuildWith(context.WithoutCancel(t.Context()), state, extras(&state.Node))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := top.Close(); err != nil {
			t.Error(err)
		}
	}()
	s.topology = top
	part()
}

// sections are what the suite holds a backend to on a node with both families.
func (s *suite) sections(t *testing.T) {
	t.Run("Probe", s.probe)
	t.Run("Packets", s.packets)
	t.Run("Node", s.node)
	t.Run("Cancel", s.cancel)
	if _, ok := s.fresh().(dialed); ok {
		return // it programs nothing that could be left, doubled or stale
	}
	t.Run("NoEndpoints", s.noEndpoints)
	t.Run("Twice", s.twice)
	t.Run("Change", s.change)
	t.Run("Empty", s.empty)
	t.Run("Interrupt", s.interrupt)
	t.Run("Cleanup", s.cleanup)
	t.Run("Foreign", s.foreign)
	t.Run("Apply", s.apply)
	t.Run("DualStack", func(t *testing.T) { s.behave(t, dualNode()) })
}

type suite struct {
	fresh    func() backends.Backend
	expect   Expectations
	topology *lab.Topology
}

// backend makes a Backend whose work is gone when the test ends.
func (s *suite) backend(t *testing.T) backends.Backend {
	t.Helper()
	b := s.fresh()
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := s.fresh().Cleanup(context.Background()); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return b
}

// synced is a Backend that has synced state.
func (s *suite) synced(t *testing.T, state *backends.State) backends.Backend {
	t.Helper()
	b := s.backend(t)
	sync(t, b, state)
	return b
}

func sync(t *testing.T, b backends.Backend, state *backends.State) {
	t.Helper()
	if err := b.Sync(t.Context(), state); err != nil {
		t.Fatalf("Sync: %v", err)
	}
}

func clean(t *testing.T, b backends.Backend) {
	t.Helper()
	if err := b.Cleanup(t.Context()); err != nil {
		t.Fatalf("Cleanup: %v", err)
	}
}

// dump is the kernel's state, "" for a backend that programs nothing.
func (s *suite) dump(t *testing.T) string {
	t.Helper()
	if s.expect.Dump == nil {
		return ""
	}
	text, err := s.expect.Dump(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func objects(t *testing.T, b backends.Backend) map[string]int {
	t.Helper()
	c, ok := b.(counter)
	if !ok {
		return nil
	}
	n, err := c.Objects(t.Context())
	if err != nil {
		t.Fatalf("Objects: %v", err)
	}
	return n
}
