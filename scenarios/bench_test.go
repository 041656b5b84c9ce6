package scenarios

import (
	"runtime"
	"syscall"
	"testing"
)

// BenchmarkState generates the largest state that svcmark promises, 100,000
// Services x 10 endpoints, on one core. The promise is 3 s and 1 GiB; peak-MiB
// is the peak resident memory of the whole process.
func BenchmarkState(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := defaults()
	b.ReportAllocs()
	for b.Loop() {
		if got := len(s.State(100_000, 10).Services); got != 100_000 {
			b.Fatalf("%d Services", got)
		}
	}
	reportPeak(b)
}

func reportPeak(b *testing.B) {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB") // Linux counts KiB
}

// BenchmarkParseList reads a list of 50,000 Services with 500,000 endpoints, as
// an import writes it.
func BenchmarkParseList(b *testing.B) {
	s := defaults()
	s.Metadata.Name, s.Backends, s.Measure = "t", []string{"ipvs"}, []string{"sync"}
	s.Services = Services{List: s.Generate(50_000, 10)}
	data := s.YAML()
	s = nil
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("list.yaml", data, known); err != nil {
			b.Fatal(err)
		}
	}
	reportPeak(b)
}

func BenchmarkParse(b *testing.B) {
	data, err := presetFiles.ReadFile("quick.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("quick.yaml", data, known); err != nil {
			b.Fatal(err)
		}
	}
}
