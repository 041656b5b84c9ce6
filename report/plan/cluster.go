package plan

import (
	"fmt"
	"math"
	"strconv"

	"github.com/svcmark/svcmark/results"
)

// clusterOf is how many Services the cluster has that all runs hold, once or several
// times over; 0 when there is none.
func clusterOf(runs []*results.Run) int {
	listed := runs[0].Meta.Listed
	for _, run := range runs[1:] {
		if run.Meta.Listed != listed {
			return 0
		}
	}
	return listed
}

// times prints a number of Services as how many times the cluster they are: "3.2".
func (p *Plan) times(v float64, way int) string {
	if v /= float64(p.Cluster); math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return strconv.FormatFloat(digits(v, way, -2), 'f', -1, 64)
}

// multiple is times as a cell of a table has it: "3.2 x".
func (p *Plan) multiple(v float64, way int) string { return p.times(v, way) + " x" }

// size is "3,840 Services", or of a cluster "3.2 times your cluster (3,840 Services)".
func (p *Plan) size(v float64, way int) string {
	services := count(v, way) + " Services"
	switch {
	case p.Cluster == 0:
		return services
	case v == float64(p.Cluster):
		return "your cluster as it is (" + services + ")"
	}
	return fmt.Sprintf("%s times your cluster (%s)", p.times(v, way), services)
}

// reached is where a row's limit is: "8,400 [8,100, 8,700]", or of a cluster "3.2 times
// your cluster [3.1, 3.3] (3,840 Services [3,720, 3,960])".
func (p *Plan) reached(r *Row) string {
	if p.Cluster == 0 {
		return r.services()
	}
	return r.where(p.times, " times your cluster") + " (" + r.where(count, " Services") + ")"
}
