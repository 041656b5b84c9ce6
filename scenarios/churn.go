package scenarios

import (
	"fmt"
	"strings"
	"time"
)

// Churn is how endpoints change while the measurement churn asks.
type Churn struct {
	Rate     int           // changes a second; 10 by default
	Duration time.Duration // of the changes; two seconds by default
	Kind     string        // rolling, the default, or flapping
}

// Kinds of churn.
const (
	Rolling  = "rolling"  // each change replaces an endpoint by one with an address that nobody had
	Flapping = "flapping" // an endpoint goes, and comes back with the next change
)

// DefaultChurn is what a scenario has that says nothing of it.
func DefaultChurn() Churn { return Churn{Rate: 10, Duration: 2 * time.Second, Kind: Rolling} }

// maxChurn is far beyond what an API server sends.
const maxChurn = 10_000

func (d *decoder) churn(to *Churn) value {
	return d.object(
		optional("rate", d.number(&to.Rate)),
		optional("duration", d.duration(&to.Duration)),
		optional("kind", d.text(&to.Kind)),
	)
}

func (c *Churn) check(ps *problems) {
	checkRange(ps, "churn.rate", c.Rate, maxChurn)
	checkDuration(ps, "churn.duration", c.Duration, 100*time.Millisecond, 10*time.Minute)
	if c.Kind != Rolling && c.Kind != Flapping {
		ps.add("churn.kind", "is %s; %s", quote(c.Kind), Instead(c.Kind, []string{Rolling, Flapping}))
	}
}

// yaml writes what is not by default, as Traffic's does.
func (c *Churn) yaml(b *strings.Builder) {
	if *c != DefaultChurn() {
		fmt.Fprintf(b, "churn: {rate: %d, duration: %s, kind: %s}\n", c.Rate, c.Duration, c.Kind)
	}
}
