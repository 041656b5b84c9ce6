package results

import "time"

// Run is a run directory in memory.
//
// On disk it is:
//
//	run.json     Meta: the fingerprint and what became of each cell. All that
//	             may differ between two equal runs (dates, durations, the
//	             machine) is here and nowhere else.
//	samples.txt  Results in the Go benchmark format, in the matrix's order.
//	histograms/  one log a measurement, of results whose operations were kept one
//	             by one, in HdrHistogram's format.
//	timelines/   one file a measurement, of results whose operations were kept with
//	             when each was due, beside the syncs (Timeline).
//	cells/       one file a finished cell, from which an interrupted run
//	             resumes; removed when the run is complete.
type Run struct {
	Dir     string
	Meta    Meta
	Units   []Unit
	Results []Result
}

// Meta is run.json.
type Meta struct {
	Format      int         `json:"format"` // 1
	Fingerprint Fingerprint `json:"fingerprint"`
	Scenario    string      `json:"scenario"` // the scenario's YAML, whole, after flags were applied
	// Listed is how many Services the scenario writes out, 0 where it generates them. A
	// cell with k times as many Services has them k times.
	Listed   int        `json:"listed,omitempty"`
	Started  time.Time  `json:"started"`
	Finished time.Time  `json:"finished,omitzero"`
	Cells    []CellMeta `json:"cells"`
	// Calibrations and Machines are of the wall clock alone: one each time that the
	// run was begun or gone on with.
	Calibrations []Calibration `json:"calibrations,omitempty"`
	Machines     []Machine     `json:"machines,omitempty"`
}

// Fingerprint is everything that decides what a figure is. Two runs whose
// fingerprints are equal give, in the virtual clock, byte-identical samples.txt.
type Fingerprint struct {
	Svcmark  string            `json:"svcmark"`         // version
	Binary   string            `json:"binary"`          // sha256 of the svcmark binary
	Lab      string            `json:"lab"`             // netns or vm
	Clock    string            `json:"clock"`           // virtual or wall
	Kernel   string            `json:"kernel"`          // release and build of the kernel under test
	CPU      string            `json:"cpu"`             // model that the kernel under test sees
	QEMU     string            `json:"qemu,omitempty"`  // version, vm lab only
	Guest    string            `json:"guest,omitempty"` // sha256 over the guest's image and QEMU's command line, vm lab only
	Tools    map[string]string `json:"tools"`           // iptables, ipset, …: version
	Scenario string            `json:"scenario"`        // sha256 of the scenario after flags were applied
	Seed     uint64            `json:"seed"`
}

// CellMeta says what became of one cell.
type CellMeta struct {
	Labels   []Label  `json:"labels"`
	Repeat   int      `json:"repeat"` // 0-based repetition
	Status   Status   `json:"status"`
	Reason   string   `json:"reason,omitempty"` // why it failed or is n/a, with the console's or the log's last lines
	NA       []NA     `json:"na,omitempty"`     // measurements that do not apply to this cell
	Warnings []string `json:"warnings,omitempty"`
	Seconds  float64  `json:"seconds"` // real time that the cell took
}

// NA is a measurement that could not be taken in a cell, and why.
type NA struct {
	Measurement string `json:"measurement"`
	Reason      string `json:"reason"`
}

// Status is what became of a cell.
type Status string

// The ends that a cell can have.
const (
	OK     Status = "ok"
	Failed Status = "failed" // its result is wrong or it never gave one
	NotRun Status = "n/a"    // this machine or this backend cannot do it
)
