package backends

// SelfReport is what a backend's program says of itself since it was started, as far as
// it does: what it does not say is 0.
type SelfReport struct {
	Syncs       int     // complete ones
	Syncing     float64 // seconds in them
	Changes     int     // of endpoints, whose way into the kernel it has timed
	Programming float64 // seconds of that way in all, from the change's own time to the end of its sync
	CPU         float64 // seconds
	Resident    int64   // bytes, now
	Rules       int     // in the kernel, now
}

// Since is what was added since an earlier report.
func (s SelfReport) Since(before SelfReport) SelfReport {
	s.Syncs -= before.Syncs
	s.Syncing -= before.Syncing
	s.Changes -= before.Changes
	s.Programming -= before.Programming
	s.CPU -= before.CPU
	return s
}
