package backendtest

import (
	"testing"

	"github.com/svcmark/svcmark/backends"
)

// Probe leaves the kernel as it was.
func (s *suite) probe(t *testing.T) {
	was := s.dump(t)
	for range 2 {
		if err := s.backend(t).Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if is := s.dump(t); is != was {
		t.Errorf("before\n%s\nafter\n%s", was, is)
	}
}

// After Sync a pod on the node reaches every endpoint of every ServicePort
// through its VIP, and no other, and is seen as itself.
func (s *suite) packets(t *testing.T) {
	b := s.synced(t, before())
	served(t, b, before(), s.client(), s.clientAddr())
}

// The node's own processes reach the VIPs too, and are seen as the node.
func (s *suite) node(t *testing.T) {
	b := s.synced(t, before())
	served(t, b, before(), onNode, node().Addrs[0])
}

// A ServicePort without endpoints is not served, and says so if it can.
func (s *suite) noEndpoints(t *testing.T) {
	s.synced(t, before())
	if s.expect.Refuses {
		refused(t, before(), s.client())
		refused(t, before(), onNode)
		return
	}
	var none []backends.ServicePort
	for _, p := range before().Services {
		if len(p.Endpoints) == 0 {
			none = append(none, p)
		}
	}
	unserved(t, none, s.client())
}
