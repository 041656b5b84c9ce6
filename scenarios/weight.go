package scenarios

// maxWeight is the greatest weight of an endpoint that ipvsadm takes.
const maxWeight = 65535

// weight is that of a Service's i-th endpoint.
func (v *Services) weight(i int) uint16 {
	if len(v.Weights) == 0 {
		return 0
	}
	return uint16(v.Weights[i%len(v.Weights)])
}

func (s *Scenario) checkWeights(ps *problems) {
	const path = "services.weights"
	weights := s.Services.Weights
	if weights != nil && len(weights) == 0 {
		ps.add(path, "is empty; want a weight or more, or leave the key out")
	}
	if len(weights) > maxValues {
		ps.add(path, "has %d values; want at most %d", len(weights), maxValues)
		return
	}
	for i, w := range weights {
		p := item(path, i, len(weights))
		if w == 0 {
			ps.add(p, "is 0, with which an endpoint gets nothing; want 1 to %d, and policies: {notReady: …} for endpoints that get nothing", maxWeight)
			continue
		}
		checkRange(ps, p, w, maxWeight)
	}
}
