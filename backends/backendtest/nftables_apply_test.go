package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
)

func layouts() []nftables.Layout { return []nftables.Layout{nftables.Layout136, nftables.Layout131} }

// TestNftablesApply leads a kernel through random changes, and compares it after
// each with one that was synced to the same state from empty; in the end also
// when all that waits to be deleted has gone.
func TestNftablesApply(t *testing.T) {
	const services, seeds, steps = 8, 5, 12
	for _, layout := range layouts() {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("layout=%s/seed=%d", layout, seed), func(t *testing.T) {
				w := newNftablesWorld(seed)
				b := cleanNftables(t, layout)
				state := w.state(services)
				must(t, b.Sync(t.Context(), state))
				for range steps {
					next := w.change(state, services)
					delta := backends.Diff(state, next)
					if w.chance(15) {
						must(t, b.Sync(t.Context(), next))
					} else {
						must(t, b.Apply(t.Context(), delta))
					}
					state = next
					same(t, layout, state, false)
					if w.chance(20) {
						settle(t, b)
						same(t, layout, state, true)
					}
				}
				settle(t, b)
				same(t, layout, state, true)
			})
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cleanNftables is a Backend whose tables are gone when the test ends.
func cleanNftables(t testing.TB, l nftables.Layout) *nftables.Backend {
	b := nftables.New(l)
	t.Cleanup(func() {
		if err := b.Cleanup(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// settle waits until nothing waits to be deleted any more.
func settle(t *testing.T, b *nftables.Backend) {
	t.Helper()
	for {
		waiting, err := b.Settle(t.Context())
		must(t, err)
		if waiting == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// same compares the kernel with one that is synced to state from empty.
func same(t *testing.T, l nftables.Layout, state *backends.State, waiting bool) {
	t.Helper()
	got, err := nftablesRuleset(t.Context(), waiting)
	must(t, err)
	var want string
	must(t, inFreshNamespace(func() error {
		if err := nftables.New(l).Sync(t.Context(), state); err != nil {
			return err
		}
		want, err = nftablesRuleset(t.Context(), waiting)
		return err
	}))
	if got, want = ours(got), ours(want); got != want {
		t.Fatalf("the kernel holds\n%s\nfrom empty it would\n%s", got, want)
	}
}

// ours are the lines of kube-proxy's tables: other tests leave the built-in
// chains of iptables-nft.
func ours(ruleset string) string {
	var b strings.Builder
	for line := range strings.Lines(ruleset) {
		kind, object, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind == "table" && strings.Contains(object, `"name":"kube-proxy"`) || strings.Contains(object, `"table":"kube-proxy"`) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// inFreshNamespace runs fn on a thread in a new network namespace, which is gone
// when the thread is.
func inFreshNamespace(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	return <-done
}

func TestNftablesApplyRefuses(t *testing.T) {
	w := newNftablesWorld(1)
	from := w.state(4)
	to := w.change(from, 4)
	b := cleanNftables(t, nftables.Layout136)
	if err := b.Apply(t.Context(), backends.Diff(from, to)); err == nil {
		t.Error("a Backend that has not synced applies a Delta")
	}
	must(t, b.Sync(t.Context(), from))
	elsewhere := *to
	elsewhere.Node.Zone = "zone-1"
	if err := b.Apply(t.Context(), backends.Diff(from, &elsewhere)); err == nil {
		t.Error("a Delta whose node differs is applied")
	}
	hostile := *from
	hostile.Services = append([]backends.ServicePort(nil), from.Services...)
	hostile.Services[0].Name = "a\nflush ruleset"
	if err := b.Apply(t.Context(), backends.Diff(from, &hostile)); err == nil {
		t.Error("a hostile name is applied")
	}
	same(t, nftables.Layout136, from, true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Apply(ctx, backends.Diff(from, to)); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply with a context that has ended: %v", err)
	}
	must(t, b.Apply(t.Context(), backends.Diff(from, to)))
	same(t, nftables.Layout136, to, false)
	must(t, b.Cleanup(t.Context()))
	if err := b.Apply(t.Context(), backends.Diff(to, from)); err == nil {
		t.Error("a Backend that has cleaned up applies a Delta")
	}
}
