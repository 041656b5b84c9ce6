package results

// Machine is what could disturb a run in the wall clock, read before and after it.
type Machine struct {
	CPUs      int      `json:"cpus"`               // that the machine has online
	Affinity  int      `json:"affinity"`           // of them, those that svcmark may run on
	Nodes     int      `json:"nodes"`              // of memory (NUMA)
	Governor  string   `json:"governor,omitempty"` // of the CPUs' frequency, several with commas between; "" where the machine tells none
	Load      float64  `json:"load"`               // runnable tasks over the last minute, before the run
	Busy      float64  `json:"busy"`               // share of the processors' time that was not idle during the run
	Steal     float64  `json:"steal"`              // share that a hypervisor gave to others during the run
	Throttled int64    `json:"throttled"`          // how often CPUs were throttled during the run
	Warnings  []string `json:"warnings,omitempty"` // what of it may have moved figures
}

// Calibration is what the machine shows where nothing differs: one small cell,
// measured again and again before the run's own.
type Calibration struct {
	// Skipped says why there is none; the other fields are empty then.
	Skipped string      `json:"skipped,omitempty"`
	Cell    CellKey     `json:"cell,omitempty"`
	Runs    int         `json:"runs,omitempty"`   // without the warm-up
	WarmUp  []Deviation `json:"warmUp,omitempty"` // the first, discarded run against the median of the others
	Floors  []Deviation `json:"floors,omitempty"` // 99 of 100 differences between two halves of the runs are not larger
}

// Deviation is by which share of itself a figure is off, the largest of those of a
// measurement in one unit.
type Deviation struct {
	Measurement string  `json:"measurement"`
	Unit        string  `json:"unit"`
	Share       float64 `json:"share"`
}

// Floor is the share below which the run's machine shows differences where there are
// none; 0 where it was not calibrated.
func (m *Meta) Floor(measurement, unit string) float64 {
	floor := 0.0
	for _, c := range m.Calibrations {
		for _, f := range c.Floors {
			if f.Measurement == measurement && f.Unit == unit {
				floor = max(floor, f.Share)
			}
		}
	}
	return floor
}
