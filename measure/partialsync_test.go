package measure_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/measure"
)

// switching takes changes and serves no VIP.
type switching struct {
	state *backends.State
	seen  []string
}

func (s *switching) Target(p *backends.ServicePort) netip.AddrPort { return p.Endpoints[0].Addr }
func (*switching) Probe(context.Context) error                     { return nil }
func (*switching) Cleanup(context.Context) error                   { return nil }

func (s *switching) Sync(_ context.Context, state *backends.State) error {
	s.state = state
	return nil
}

func (s *switching) Apply(_ context.Context, d *backends.Delta) error {
	if d.From != s.state {
		return errors.New("the change does not begin where the kernel is")
	}
	s.state = d.To
	what := "change"
	switch c := d.Changes[0]; {
	case c.Old == nil:
		what = "add"
	case c.New == nil:
		what = "remove"
	case len(c.New.Endpoints) < len(c.Old.Endpoints):
		what = "fewer"
	case len(c.New.Endpoints) > len(c.Old.Endpoints):
		what = "more"
	}
	s.seen = append(s.seen, what)
	return nil
}

// The changes lead from the state back to it, and need an Applier.
func TestPartialSyncLeadsBackToTheState(t *testing.T) {
	s := &switching{}
	cell := testCell(t, s)
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Nothing serves a VIP here: the first proof after a change that should be
	// answered tells it.
	_, err := taken(t, measure.PartialSync{}, cell)
	if err == nil || !strings.Contains(err.Error(), "removeEndpoint, 1 of 3: wrong dataplane: Service test/c does not answer") {
		t.Errorf("a dataplane without VIPs passed: %v", err)
	}
	if got := strings.Join(s.seen, " "); got != "fewer" {
		t.Errorf("changes %q", got)
	}
	cell.Backend = dialed{target: right}
	if _, err := taken(t, measure.PartialSync{}, cell); !errors.Is(err, measure.ErrNotApplicable) {
		t.Errorf("a backend without Apply: %v", err)
	}
}
