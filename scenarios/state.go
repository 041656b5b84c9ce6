package scenarios

import (
	"fmt"
	"slices"

	"github.com/svcmark/svcmark/backends"
)

// State is what the scenario's node should serve at a point: as many Services as are asked
// for of the list and its copies, or from the generator. It is a pure function:
// the same scenario and arguments give the same State on every machine. Service
// i of the generator is the same in every State with as many endpoints per
// Service, so the State with fewer Services is a part of that with more, and
// growing adds Services without touching one.
//
// ServicePorts are sorted by ServicePort.Compare. Of the first n generated
// Services the share of each type, protocol and policy is exact to a Service or
// two; see Mix, Protocols and Policies for what each is a share of. Endpoints
// lie alternately on the two endpoint hosts, and no two share an address but
// those on the node itself, of which there are at most 250.
//
// State panics when the numbers are not those of a point of a valid scenario and
// do not fit the network.
func (s *Scenario) State(services, endpoints int) *backends.State {
	state := Expand(s.node(), s.Generate(services, endpoints))
	byName := func(a, b backends.ServicePort) int { return a.Compare(&b) }
	if !slices.IsSortedFunc(state.Services, byName) {
		slices.SortFunc(state.Services, byName)
	}
	return state
}

// Generate gives the Services of a point in the order of their making, which is by
// namespace and name where they are not listed; State says what they are.
func (s *Scenario) Generate(services, endpoints int) []Service {
	if s.Services.List != nil {
		return s.several(services)
	}
	if services < 0 || endpoints < 0 || services > s.Network.serviceRoom() || services > maxServices ||
		endpoints > s.Network.endpointRoom()/max(1, services) || s.portsNeeded(services) > nodePortRoom {
		panic(fmt.Sprintf("scenarios: %s do not fit the network %+v", product(services, endpoints), s.Network))
	}
	g := newGenerator(s, endpoints)
	list := make([]Service, services)
	for i := range list {
		g.service(i, &list[i])
	}
	return list
}

// stream is where a stream of random numbers starts.
func (s *Scenario) stream(n uint64) uint64 { return scramble(scramble(s.Seed) + n) }
