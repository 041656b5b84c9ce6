package backendtest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/nftables"
)

// BenchmarkNftablesSync compares a full sync from empty with nft -f fed the same
// text from a file, turn by turn in one process. x-nft is the ratio of their
// clocks' time (instructions, in the virtual clock) and x-nft-cpu that of the
// processor time.
func BenchmarkNftablesSync(b *testing.B) {
	for _, layout := range layouts() {
		for _, services := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("layout=%s/services=%d", layout, services), func(b *testing.B) {
				alive(b)
				state := uniform(services)
				backend := cleanNftables(b, layout)
				file := renderNftables(b, backend, state)
				clean := func() { done(b, backend.Cleanup(b.Context())) }
				bySync := func() { done(b, backend.Sync(b.Context(), state)) }
				byNft := func() {
					if out, err := exec.CommandContext(b.Context(), "nft", "-f", file).CombinedOutput(); err != nil {
						b.Fatalf("%v: %s", err, out)
					}
				}
				done(b, backend.Sync(b.Context(), uniform(1))) // loads what is loaded on demand
				clean()
				inTurns(b, "nft", clean, bySync, byNft)
			})
		}
	}
}

// BenchmarkNftablesApply takes one endpoint from a Service, which is what
// apply-ns/op counts, and gives it back.
func BenchmarkNftablesApply(b *testing.B) {
	for _, layout := range layouts() {
		for _, services := range []int{1000, 10000} {
			b.Run(fmt.Sprintf("layout=%s/services=%d", layout, services), func(b *testing.B) {
				alive(b)
				states := [2]*backends.State{uniform(services), uniform(services)}
				p := &states[1].Services[services/2]
				p.Endpoints = p.Endpoints[:2]
				there, back := backends.Diff(states[0], states[1]), backends.Diff(states[1], states[0])
				backend := cleanNftables(b, layout)
				done(b, backend.Sync(b.Context(), states[0]))
				done(b, backend.Apply(b.Context(), there))
				done(b, backend.Apply(b.Context(), back))
				var apply cost
				for b.Loop() {
					apply.add(b, func() { done(b, backend.Apply(b.Context(), there)) })
					done(b, backend.Apply(b.Context(), back))
				}
				b.ReportMetric(0, "ns/op") // both ways, and the collection of garbage
				b.ReportMetric(float64(apply.clock)/float64(b.N), "apply-ns/op")
				b.ReportMetric(float64(apply.cpu)/float64(b.N), "apply-cpu-ns/op")
			})
		}
	}
}

// alive prints a line for each second of the clock until the benchmark ends: a
// guest that says nothing for long counts as hung.
func alive(b *testing.B) {
	go func() {
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				fmt.Println("# it runs")
			case <-b.Context().Done():
				return
			}
		}
	}()
}

func done(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

func renderNftables(b *testing.B, backend *nftables.Backend, state *backends.State) string {
	b.Helper()
	parts, err := backend.Render(state)
	done(b, err)
	var text bytes.Buffer
	for _, p := range parts {
		done(b, p.Write(&text))
	}
	file := filepath.Join(b.TempDir(), "rules")
	done(b, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}
