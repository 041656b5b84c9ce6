package scenarios

import (
	"fmt"
	"strings"
	"time"
)

// Traffic is what measurements of load put on a dataplane.
type Traffic struct {
	Rate     int           // requests a second, where they come at a rate; 1000 by default
	Duration time.Duration // of each load; a second by default
	Clients  int           // requests on their way at a time, where each waits for the one before; 4 by default
}

// DefaultTraffic is what a scenario has that says nothing of it.
func DefaultTraffic() Traffic { return Traffic{Rate: 1000, Duration: time.Second, Clients: 4} }

// Bounds of traffic. A client is one processor's work, and a second has no more
// requests than that can send.
const (
	maxRate    = 1_000_000
	maxClients = 1_000
)

func (d *decoder) traffic(to *Traffic) value {
	return d.object(
		optional("rate", d.number(&to.Rate)),
		optional("duration", d.duration(&to.Duration)),
		optional("clients", d.number(&to.Clients)),
	)
}

func (t *Traffic) check(ps *problems) {
	checkRange(ps, "traffic.rate", t.Rate, maxRate)
	checkDuration(ps, "traffic.duration", t.Duration, 10*time.Millisecond, time.Hour)
	checkRange(ps, "traffic.clients", t.Clients, maxClients)
}

// yaml writes what is not by default: a scenario from before there was traffic keeps
// its Hash.
func (t *Traffic) yaml(b *strings.Builder) {
	if *t != DefaultTraffic() {
		fmt.Fprintf(b, "traffic: {rate: %d, duration: %s, clients: %d}\n", t.Rate, t.Duration, t.Clients)
	}
}
