package scenarios

// Point is one point of a scenario's matrix: what one cell runs.
type Point struct {
	Backend   string
	Services  int
	Endpoints int // per Service, Listed when the scenario writes the Services out
}

// Listed stands for the number of endpoints per Service where each has its own.
const Listed = -1

// Points are the points to run: for each backend, for each number of Services,
// for each number of endpoints, each axis in the order of the scenario. Points
// above a backend's limit are not among them.
func (s *Scenario) Points() []Point { return s.points(true) }

// Limited are the points that a backend's limit keeps out of Points, in the
// same order, so that a report can say so instead of showing a gap.
func (s *Scenario) Limited() []Point { return s.points(false) }

func (s *Scenario) points(allowed bool) []Point {
	var points []Point
	counts, endpoints := s.Services.Count, s.Services.Endpoints
	if s.Services.List != nil {
		counts, endpoints = nil, []int{Listed}
		for _, k := range s.Services.times() {
			counts = append(counts, k*len(s.Services.List))
		}
	}
	for _, b := range s.Backends {
		for _, n := range counts {
			if s.allows(b, n) != allowed {
				continue
			}
			for _, e := range endpoints {
				points = append(points, Point{b, n, e})
			}
		}
	}
	return points
}

func (s *Scenario) allows(backend string, services int) bool {
	for _, l := range s.Limits {
		if l.Backend == backend {
			return services <= l.Services
		}
	}
	return true
}
