package measure_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/socket"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/backends/nftables"
	"github.com/svcmark/svcmark/measure"
)

// leaky is a dataplane that is right, and leaves one more rule behind at each sync.
type leaky struct{ *iptables.Backend }

func (l leaky) Sync(ctx context.Context, s *backends.State) error {
	if err := l.Backend.Sync(ctx, s); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "iptables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING",
		"-m", "comment", "--comment", "kubernetes postrouting rules", "-j", "KUBE-POSTROUTING").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// slower is one that takes longer at each sync.
type slower struct {
	*nftables.Backend
	syncs *int
}

func (s slower) Sync(ctx context.Context, state *backends.State) error {
	*s.syncs++
	time.Sleep(time.Duration(*s.syncs-1) * time.Second / 2)
	return s.Backend.Sync(ctx, state)
}

// programmed is a cell of a backend that is programmed, and cleaned up at the end.
func programmed(t *testing.T, fresh func() backends.Backend) *measure.Cell {
	t.Helper()
	cell := testCell(t, fresh())
	cell.Fresh = func() (backends.Backend, error) { return fresh(), nil }
	t.Cleanup(func() {
		if err := cell.Backend.Cleanup(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := cell.Program(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cell
}

func TestRestart(t *testing.T) {
	slow := 0
	for name, test := range map[string]struct {
		fresh func() backends.Backend
		more  float64 // objects
		again float64 // times the first restart, at least
	}{
		"iptables-legacy": {fresh: func() backends.Backend { return iptables.New(iptables.Legacy) }},
		"nftables":        {fresh: func() backends.Backend { return nftables.New(nftables.Layout136) }},
		"ebpf-socket":     {fresh: func() backends.Backend { return socket.New() }},
		"leaky":           {fresh: func() backends.Backend { return leaky{iptables.New(iptables.Legacy)} }, more: 2},
		"slower":          {fresh: func() backends.Backend { return slower{nftables.New(nftables.Layout136), &slow} }, again: 1.2},
	} {
		t.Run(name, func(t *testing.T) {
			cell := programmed(t, test.fresh)
			was := cell.Backend
			rs, err := taken(t, measure.Restart{}, cell)
			if err != nil {
				t.Fatal(err)
			}
			if cell.Backend == was && name != "leaky" && name != "slower" {
				t.Error("the backend that serves is the one from before")
			}
			_, v := values(rs[0])
			if v["more-objects"] != test.more {
				t.Errorf("%v objects more, want %v", v["more-objects"], test.more)
			}
			if v["ns/op"] <= 0 || v["again-ns/op"] < test.again*v["ns/op"] {
				t.Errorf("%v and again %v", v["ns/op"], v["again-ns/op"])
			}
		})
	}
}

// deaf is a backend that makes nothing of a state when it is started over what another
// one left.
type deaf struct{ *nftables.Backend }

func (d deaf) Sync(ctx context.Context, _ *backends.State) error { return d.Cleanup(ctx) }

// A restarted backend is proven by packets before its figures are kept.
func TestRestartIsProven(t *testing.T) {
	cell := programmed(t, func() backends.Backend { return nftables.New(nftables.Layout136) })
	cell.Fresh = func() (backends.Backend, error) { return deaf{nftables.New(nftables.Layout136)}, nil }
	if rs, err := taken(t, measure.Restart{}, cell); err == nil || !strings.Contains(err.Error(), "restart 1 of 2: wrong dataplane") || len(rs) > 0 {
		t.Errorf("%d results, %v", len(rs), err)
	}
}

func TestCleanup(t *testing.T) {
	for name, fresh := range map[string]func() backends.Backend{
		"iptables-legacy": func() backends.Backend { return iptables.New(iptables.Legacy) },
		"nftables":        func() backends.Backend { return nftables.New(nftables.Layout136) },
		"ebpf-socket":     func() backends.Backend { return socket.New() },
	} {
		t.Run(name, func(t *testing.T) {
			rs, err := taken(t, measure.Cleanup{}, programmed(t, fresh))
			if err != nil {
				t.Fatal(err)
			}
			if _, v := values(rs[0]); v["ns/op"] <= 0 || v["removed-objects"] < 4 {
				t.Errorf("figures %v", v)
			}
		})
	}
}

// sloppy leaves everything, and says that nothing is left if it is to lie.
type sloppy struct {
	*nftables.Backend
	lies bool
}

func (sloppy) Cleanup(context.Context) error { return nil }

func (s sloppy) Objects(ctx context.Context) (map[string]int, error) {
	if s.lies {
		return map[string]int{"rules": 0}, nil
	}
	return s.Backend.Objects(ctx)
}

func TestCleanupThatLeavesSomething(t *testing.T) {
	for lies, want := range map[bool]string{false: "chains are left", true: "still answers for Service"} {
		t.Run(want, func(t *testing.T) {
			cell := programmed(t, func() backends.Backend { return nftables.New(nftables.Layout136) })
			cell.Backend = sloppy{nftables.New(nftables.Layout136), lies}
			if rs, err := taken(t, measure.Cleanup{}, cell); err == nil || !strings.Contains(err.Error(), want) || len(rs) > 0 {
				t.Errorf("%d results, %v, want %q", len(rs), err, want)
			}
			cell.Backend = nftables.New(nftables.Layout136)
		})
	}
}

func TestRestartAndCleanupOfNothing(t *testing.T) {
	for _, m := range []measure.Measurement{measure.Restart{}, measure.Cleanup{}} {
		cell := &measure.Cell{Backend: dialed{}, Fresh: func() (backends.Backend, error) { return dialed{}, nil }}
		if _, err := taken(t, m, cell); !errors.Is(err, measure.ErrNotApplicable) {
			t.Errorf("%T: %v", m, err)
		}
	}
}
