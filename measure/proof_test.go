package measure_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

func TestProve(t *testing.T) {
	cell := testCell(t, dialed{target: right})
	if err := cell.Prove(t.Context()); err != nil {
		t.Errorf("a right dataplane: %v", err)
	}
	// Each is wrong for one Service only, and not for the first.
	for name, test := range map[string]struct {
		service string
		addr    netip.AddrPort
		want    string
	}{
		"another Service's endpoint": {"c", cell.State.Services[0].Endpoints[1].Addr, "Service test/c (10.160.0.2:8080) was answered by 10.160.0.2:8080, which is none of its 2 endpoints (10.160.0.5:8080, …)"},
		"nobody over TCP":            {"b", cell.State.Services[1].VIP(), "Service test/b does not answer"},
		"nobody over UDP":            {"dns", cell.State.Services[3].VIP(), "Service test/dns does not answer"},
	} {
		cell.Backend = dialed{target: func(p *backends.ServicePort) netip.AddrPort {
			if p.Name == test.service {
				return test.addr
			}
			return right(p)
		}}
		err := cell.Prove(t.Context())
		if err == nil || !strings.Contains(err.Error(), "wrong dataplane: "+test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
		var errno unix.Errno
		if strings.HasPrefix(name, "nobody") && !errors.As(err, &errno) {
			t.Errorf("%s: error %v, want an errno", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cell.Prove(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the context's end: %v", err)
	}
}

// An endpoint that sees the node instead of the pod was reached through a
// masquerade that nobody asked for.
func TestProveTellsMasquerade(t *testing.T) {
	cell := testCell(t, dialed{target: right})
	cell.State.Node.ClusterCIDRs[0] = netip.MustParsePrefix("10.0.0.0/9") // the proof expects another pod
	if err := cell.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), "it was masqueraded") {
		t.Errorf("error %v", err)
	}
}
