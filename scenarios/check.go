package scenarios

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"unicode"
)

// Bounds that hold for every scenario, whatever its network holds.
const (
	// maxServices is a hundred times what Kubernetes is tested for.
	maxServices   = 1_000_000
	maxOperations = 1_000_000
	maxRepeat     = 1_000
	maxValues     = 100 // of an axis
)

// problem is a value, or several together, that make no sense.
type problem struct {
	paths   []string // the values involved, the one to point at first
	message string
}

type problems []problem

func (ps *problems) add(path, format string, args ...any) {
	*ps = append(*ps, problem{[]string{path}, fmt.Sprintf(format, args...)})
}

// with adds further values that the last problem involves.
func (ps problems) with(paths ...string) {
	last := &ps[len(ps)-1]
	last.paths = append(last.paths, paths...)
}

// check finds all that is wrong with the values of a Scenario.
func (s *Scenario) check(known Known) []problem {
	var ps problems
	s.checkMetadata(&ps)
	s.checkShares(&ps)
	serviceRoom, endpointRoom := s.Network.check(&ps)
	s.checkAxes(&ps, serviceRoom, endpointRoom)
	checkNames(&ps, "backends", "backend", s.Backends, known.Backends)
	checkNames(&ps, "measure", "measurement", s.Measure, known.Measurements)
	for _, l := range s.Limits {
		path := join("limits", l.Backend)
		checkName(&ps, path, "backend", l.Backend, known.Backends)
		checkRange(&ps, path+".services", l.Services, maxServices)
	}
	checkRange(&ps, "operations", s.Operations, maxOperations)
	if s.Repeat != 0 {
		checkRange(&ps, "repeat", s.Repeat, maxRepeat)
	}
	if len(ps) == 0 && len(s.Points()) == 0 {
		ps.add("limits", "no point is left to run: every backend's limit is below every number of Services; raise a limit, or take fewer Services or another backend")
		ps.with("services.count", "backends")
	}
	return ps
}

// Names end up in file names, in labels of results and in the input of other
// programs, so none is taken that needs quoting anywhere.
var (
	dnsLabel = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	wellMade = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*([-@.][a-zA-Z0-9]+)*$`)
)

func (s *Scenario) checkMetadata(ps *problems) {
	if name := s.Metadata.Name; len(name) > 63 || !dnsLabel.MatchString(name) {
		ps.add("metadata.name", "%s is no DNS label; want at most 63 of a-z, 0-9 and -, with no - at the ends", quote(name))
	}
	for _, r := range s.Metadata.Description {
		if r != '\n' && !unicode.IsGraphic(r) {
			ps.add("metadata.description", "holds the unprintable character %U; want plain text", r)
			break
		}
	}
}

func (s *Scenario) checkShares(ps *problems) {
	checkSum := func(path string, names []string, shares ...int) {
		sum := 0
		for i, share := range shares {
			if share < 0 || share > 100 {
				ps.add(join(path, names[i]), "is %d; want a share from 0 to 100 percent", share)
				return
			}
			sum += share
		}
		if sum != 100 {
			ps.add(path, "the shares add up to %d; want 100 percent", sum)
		}
	}
	checkSum("services.mix", []string{"ClusterIP"}, s.Services.Mix.ClusterIP)
	checkSum("services.protocols", []string{"TCP", "UDP"}, s.Services.Protocols.TCP, s.Services.Protocols.UDP)
}

// checkAxes takes how many Services and endpoints the network holds.
func (s *Scenario) checkAxes(ps *problems, serviceRoom, endpointRoom int) {
	const countPath, endpointsPath = "services.count", "services.endpoints"
	counts, endpoints := s.Services.Count, s.Services.Endpoints
	checkList(ps, countPath, "number", counts)
	checkList(ps, endpointsPath, "number", endpoints)

	most, mostPath := 0, "" // the largest number of Services that is possible at all
	for i, n := range counts {
		path := item(countPath, i, len(counts))
		if !checkRange(ps, path, n, maxServices) {
			continue
		}
		if n > serviceRoom {
			ps.add(path, "%d Services do not fit into serviceCIDR %s, which holds %d ClusterIPs", n, s.Network.ServiceCIDR, serviceRoom)
			ps.with("network.serviceCIDR")
			continue
		}
		if n > most {
			most, mostPath = n, path
		}
	}
	for i, n := range endpoints {
		path := item(endpointsPath, i, len(endpoints))
		if n < 1 {
			ps.add(path, "is %d; want 1 or more", n)
			continue
		}
		if n > endpointRoom/max(1, most) {
			ps.add(path, "%s do not fit into clusterCIDR %s, which holds %d endpoints", product(most, n), s.Network.ClusterCIDR, endpointRoom)
			ps.with("network.clusterCIDR")
			if mostPath != "" {
				ps.with(mostPath)
			}
		}
	}
}

// product spells how many endpoints are asked for.
func product(services, endpoints int) string {
	if services == 0 {
		return fmt.Sprintf("%d endpoints", endpoints)
	}
	return fmt.Sprintf("%d Services x %d endpoints", services, endpoints)
}

func checkRange(ps *problems, path string, n, most int) bool {
	if n < 1 || n > most {
		ps.add(path, "is %d; want 1 to %d", n, most)
		return false
	}
	return true
}

// checkList refuses an empty or endless list and a value that comes again: two
// equal points would be one experiment under two names.
func checkList[T comparable](ps *problems, path, what string, list []T) {
	if len(list) == 0 {
		ps.add(path, "is empty; want at least one %s", what)
	}
	if len(list) > maxValues {
		ps.add(path, "has %d values; want at most %d", len(list), maxValues)
		return
	}
	seen := map[T]bool{}
	for i, v := range list {
		if seen[v] {
			ps.add(item(path, i, len(list)), "%v is given twice; keep one", v)
		}
		seen[v] = true
	}
}

func checkNames(ps *problems, path, what string, names, known []string) {
	checkList(ps, path, what, names)
	for i, name := range names {
		checkName(ps, item(path, i, len(names)), what, name, known)
	}
}

func checkName(ps *problems, path, what, name string, known []string) {
	switch {
	case known != nil && !slices.Contains(known, name):
		ps.add(path, "unknown %s %s; %s", what, quote(name), instead(name, known))
	case len(name) > 63 || !wellMade.MatchString(name):
		ps.add(path, "%s is no name of a %s; want at most 63 of a-z, A-Z, 0-9, -, @ and .", quote(name), what)
	}
}

func sortLimits(limits []Limit) {
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Backend, b.Backend) })
}
