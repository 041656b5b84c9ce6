package measure_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
)

// A connection through nftables' VIP is one entry, and one through sockets that dial
// the endpoint is none.
func TestConntrack(t *testing.T) {
	for name, test := range map[string]struct {
		fresh   func() backends.Backend
		entries float64
	}{
		"nftables":    {func() backends.Backend { return nftables.New(nftables.Layout136) }, 1},
		"ebpf-socket": {func() backends.Backend { return socket.New() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cell := programmed(t, test.fresh)
			rs, err := taken(t, measure.Conntrack{}, cell)
			if err != nil {
				t.Fatal(err)
			}
			_, v := values(rs[0])
			if v["entries/conn"] != test.entries || v["insert-failed/conn"] != 0 {
				t.Errorf("%v entries a connection, want %v; %v failed", v["entries/conn"], test.entries, v["insert-failed/conn"])
			}
		})
	}
}

// A connection that is lost is no figure, and a node that is not ours keeps its limit.
func TestConntrackMistakes(t *testing.T) {
	cell := testCell(t, dialed{target: func(p *backends.ServicePort) netip.AddrPort {
		return netip.AddrPortFrom(p.Endpoints[0].Addr.Addr(), 1)
	}})
	if rs, err := taken(t, measure.Conntrack{}, cell); err == nil || !strings.Contains(err.Error(), "a connection was lost: connection refused") || len(rs) > 0 {
		t.Errorf("%d results, %v", len(rs), err)
	}
	if _, err := taken(t, measure.ConntrackFull{}, cell); !errors.Is(err, measure.ErrNotApplicable) || !strings.Contains(err.Error(), "--lab vm") {
		t.Errorf("in a namespace: %v", err)
	}
}
