// Package report turns runs into tables, fits, plots and one sentence. It reads
// results and knows no backend and no measurement: labels say what is compared,
// units say how to read a value. So a run of any age, with backends that no
// longer exist, stays reportable.
//
// Build makes the data, a Report; everything that prints or draws takes it and
// decides nothing about figures.
package report

import (
	"github.com/svcmark/svcmark/report/stats"
	"github.com/svcmark/svcmark/results"
)

// The labels that have a meaning here. All others only tell rows apart.
const (
	Axis   = "services" // what costs grow with
	Column = "backend"  // what is compared side by side
	runKey = "run"      // added when runs of unlike fingerprints are reported together
)

// Report is what one or more runs say.
type Report struct {
	Runs     []*results.Run
	Tables   []Table   // by measurement, and within it by unit, both as they first appear
	Problems []Problem // cells that failed or are n/a, in the matrix's order
	Notes    []string  // footnotes; a Cell refers to them by index
	// Control is the backend whose figures were taken off the others' (Minus), "" for
	// none; tables and pictures say so.
	Control string

	results []results.Result // all, with the run's label when there are several
	units   []results.Unit
}

// Table is one unit of one measurement: rows of label values, a column for
// each backend.
type Table struct {
	Measurement string
	Unit        results.Unit
	Companion   bool            // the unit refines another of the measurement: min-insns/op or wait-ns/op beside insns/op
	Primary     bool            // the measurement's first unit
	Common      []results.Label // labels that are the same in every row
	Keys        []string        // labels that differ between rows; Axis last when it is one
	Columns     []string        // values of Column
	Rows        []Row           // by Keys: values as they first appear, Axis by number
	Fits        []Fit
}

// Row is one point of the matrix, but for the backend.
type Row struct {
	Values []string // of Table.Keys
	X      float64  // of Axis; NaN when the row has none or it is no number
	Cells  []Cell   // of Table.Columns
}

// Cell is one backend's value, or why there is none.
type Cell struct {
	State   State
	Summary stats.Summary // when State is Measured
	Notes   []int         // indices into Report.Notes

	zero bool // every repetition gave 0
}

// State says whether a Cell has a value.
type State string

// The states of a Cell.
const (
	Measured State = "measured"
	Absent   State = "absent" // not part of the scenario
	NA       State = "n/a"    // cannot be measured here
	Failed   State = "failed"
)

// Fit is how one backend's cost grows along Axis, all else being equal.
type Fit struct {
	Group   []results.Label // the labels of Table.Keys but Axis
	Backend string
	Points  []stats.Point // by size
	Growth  stats.Growth
	// Exponent is a power law's through all points, fixed costs included.
	Exponent float64
	Notes    []int // indices into Report.Notes
}

// Problem is a cell of a run that gave no result, or not all of them.
type Problem struct {
	Cell        results.CellKey
	Run         string // "" when there is one run only
	Measurement string // "" for the cell as a whole
	State       State  // Failed or NA
	Reason      string // may have several lines

	labels []results.Label
	repeat int
}
