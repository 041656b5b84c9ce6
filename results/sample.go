// Package results holds what a run measured and how it is kept: units,
// samples, and the run directory with its reader and writer. It knows no
// backend and no measurement, so that old runs stay readable.
package results

import "strings"

// Sample is one measured value.
type Sample struct {
	Value float64
	Unit  string // a Unit's name, such as "insns/op"
}

// Unit says how the values of one unit are to be read. It becomes a "Unit"
// line of samples.txt, so that no reader needs a table of metrics.
type Unit struct {
	Name   string // as in Sample.Unit
	Better Better
	Exact  bool // the same inputs give the same value, to the last digit
}

// Better says which way a unit improves.
type Better string

// The directions of improvement; a size such as a number of rules has none.
const (
	Lower   Better = "lower"
	Higher  Better = "higher"
	Neither Better = ""
)

// Label is one coordinate of a result: services=1000.
type Label struct{ Key, Value string }

// Result is one line of samples.txt: what one repetition of a measurement
// gave at one point.
type Result struct {
	Measurement string   // CamelCase of the scenario's key: "FirstPacket"
	Labels      []Label  // in the order in which they are printed; backend first
	N           int      // how many operations the values summarise, at least 1
	Samples     []Sample // at least one
	// Histogram is of the single operations, nil where none was kept.
	Histogram *Histogram `json:",omitempty"`
	// Timeline is of the same operations one by one, nil where it was not kept.
	Timeline *Timeline `json:",omitempty"`
}

// Name is the benchmark's name: BenchmarkSync/backend=ipvs/services=10.
func (r *Result) Name() string {
	var b strings.Builder
	b.WriteString("Benchmark")
	b.WriteString(r.Measurement)
	for _, l := range r.Labels {
		b.WriteString("/" + l.Key + "=" + l.Value)
	}
	return b.String()
}

// Label is the value of a label, "" when the result has none of that key.
func (r *Result) Label(key string) string {
	for _, l := range r.Labels {
		if l.Key == key {
			return l.Value
		}
	}
	return ""
}
