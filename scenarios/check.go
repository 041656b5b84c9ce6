package scenarios

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"unicode"

	"github.com/svcmark/svcmark/backends"
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
	if s.Services.List != nil {
		s.checkListed(&ps)
	} else {
		if s.Services.Times != nil {
			ps.add(timesPath, "goes with a list of Services alone; of those that are generated services.count says how many")
		}
		s.checkShares(&ps)
		serviceRoom, endpointRoom := s.Network.check(&ps)
		s.checkAxes(&ps, serviceRoom, endpointRoom)
		s.checkRanges(&ps)
	}
	s.checkNode(&ps)
	s.checkBackends(&ps, known)
	checkNames(&ps, "measure", "measurement", s.Measure, known.Measurements)
	checkRange(&ps, "operations", s.Operations, maxOperations)
	s.Traffic.check(&ps)
	s.Churn.check(&ps)
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
	checkSum := func(path string, fields []share) {
		sum := 0
		for _, f := range fields {
			if *f.of < 0 || *f.of > 100 {
				ps.add(join(path, f.key), "is %d; want a share from 0 to 100 percent", *f.of)
				return
			}
			sum += *f.of
		}
		if sum != 100 {
			ps.add(path, "the shares add up to %d; want 100 percent", sum)
		}
	}
	checkSum("services.mix", s.Services.Mix.fields())
	checkSum("services.protocols", s.Services.Protocols.fields())
	p := &s.Services.Policies
	for _, f := range p.fields() {
		if *f.of < 0 || *f.of > 100 {
			ps.add(join("services.policies", f.key), "is %d; want a share from 0 to 100 percent", *f.of)
		}
	}
	if n := p.NotReady + p.Terminating; n > 100 {
		ps.add("services.policies.terminating", "notReady and terminating add up to %d; want at most 100 percent", n)
		ps.with("services.policies.notReady")
	}
	s.checkWeights(ps)
	checkRange(ps, "services.policies.affinitySeconds", p.AffinitySeconds, backends.MaxAffinitySeconds)
	if p.ZoneHints > 0 && s.Node.Zone == "" {
		ps.add("services.policies.zoneHints", "nobody would heed the hints: a node without a zone does not; give node: {zone: %s}", zoneNames[0])
	}
	if p.SingleStack > 0 && len(s.Network.ServiceCIDRs) < 2 {
		ps.add("services.policies.singleStack", "every Service has one family: the network has no other; give network.serviceCIDR two ranges")
	}
}

// checkListed refuses what goes with generated Services only.
func (s *Scenario) checkListed(ps *problems) {
	if n := len(s.Services.List); n > maxServices {
		ps.add("services.list", "has %d Services; want at most %d", n, maxServices)
	}
	for _, axis := range []struct {
		path   string
		values []int
	}{{"services.count", s.Services.Count}, {"services.endpoints", s.Services.Endpoints}} {
		if axis.values != nil {
			ps.add(axis.path, "has no meaning: the scenario lists its Services, which --times takes several times")
		}
	}
	s.Network.checkListed(ps)
	s.checkTimes(ps)
}

const timesPath = "services.times"

// checkTimes sees whether there is room for as many copies of the list.
func (s *Scenario) checkTimes(ps *problems) {
	times := s.Services.Times
	if times == nil {
		return
	}
	checkList(ps, timesPath, "number", times)
	if len(*ps) > 0 { // ranges must be good to deal from
		return
	}
	c := newCopier(s)
	for i, k := range times {
		if path := item(timesPath, i, len(times)); checkRange(ps, path, k, max(1, maxServices/len(s.Services.List))) {
			c.check(ps, path, k)
		}
	}
}

// checkRanges keeps the network out of ranges that the generator has given to
// others.
func (s *Scenario) checkRanges(ps *problems) {
	p := &s.Services.Policies
	for _, r := range []struct {
		used   bool
		what   string
		ranges []netip.Prefix
	}{
		{s.Services.Mix.LoadBalancer > 0, "those of the load balancers", ingressCIDRs[:]},
		{p.ExternalIPs > 0, "the external IPs", externalCIDRs[:]},
	} {
		if !r.used {
			continue
		}
		for path, list := range map[string][]netip.Prefix{serviceCIDRPath: s.Network.ServiceCIDRs, clusterCIDRPath: s.Network.ClusterCIDRs} {
			for i, own := range list {
				for _, taken := range r.ranges {
					if taken.Overlaps(own) {
						ps.add(item(path, i, len(list)), "%s overlaps %s, from which %s come", own, taken, r.what)
					}
				}
			}
		}
	}
}

func (s *Scenario) checkNode(ps *problems) {
	if !IsSubdomain(s.Node.Name) {
		ps.add("node.name", "%s is no DNS subdomain; want at most 253 of a-z, 0-9, - and .", quote(s.Node.Name))
	}
	if !IsLabelValue(s.Node.Zone) {
		ps.add("node.zone", "%s is no label's value; want at most 63 letters, digits, -, _ and .", quote(s.Node.Zone))
	}
	if s.Node.Addrs == nil {
		return
	}
	for i, a := range s.Node.Addrs {
		path := item("node.addresses", i, len(s.Node.Addrs))
		if message := badTarget(a); message != "" {
			ps.add(path, "%s", message)
			continue
		}
		for _, list := range [][]netip.Prefix{s.Network.ServiceCIDRs, s.Network.ClusterCIDRs} {
			for _, p := range list {
				if p.Contains(a) && s.Services.List == nil {
					ps.add(path, "%s is in the range %s of Services or pods", a, p)
				}
			}
		}
	}
	for _, f := range s.Network.families() {
		node := backends.Node{Addrs: s.Node.Addrs}
		if !node.Addr(f).IsValid() {
			ps.add("node.addresses", "has no %s address; the network has that family", f)
		}
	}
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
			ps.add(path, "%d Services do not fit into serviceCIDR %s, which holds %d ClusterIPs", n, joined(s.Network.ServiceCIDRs), serviceRoom)
			ps.with("network.serviceCIDR")
			continue
		}
		if n > most {
			most, mostPath = n, path
		}
	}
	s.checkPools(ps, most, mostPath)
	for i, n := range endpoints {
		path := item(endpointsPath, i, len(endpoints))
		if n < 1 {
			ps.add(path, "is %d; want 1 or more", n)
			continue
		}
		if n > endpointRoom/max(1, most) {
			ps.add(path, "%s do not fit into clusterCIDR %s, which holds %d endpoints", product(most, n), joined(s.Network.ClusterCIDRs), endpointRoom)
			ps.with("network.clusterCIDR")
			if mostPath != "" {
				ps.with(mostPath)
			}
		} else if local := n*s.Services.Policies.LocalEndpoints/100 + 1; s.Services.Policies.LocalEndpoints > 0 && local > LocalPods {
			ps.add(path, "up to %d of a Service's %d endpoints would be on the node; it has %d pods", local, n, LocalPods)
			ps.with("services.policies.localEndpoints")
		}
	}
}

// checkPools sees whether the largest number of Services finds enough of what
// there is least of.
func (s *Scenario) checkPools(ps *problems, most int, mostPath string) {
	if len(*ps) > 0 || most == 0 { // the shares must be good to count with
		return
	}
	if needed := s.portsNeeded(most); needed > nodePortRoom {
		ps.add(mostPath, "%d Services take %d node ports; there are %d, %d to %d", most, needed, nodePortRoom, firstNodePort, firstNodePort+nodePortRoom-1)
		ps.with("services.mix")
	}
	types, policies := s.typeDeals(), s.policyDeals()
	last := types.of(most - 1)
	if n := policies.externalIPs.before(last.nth + 1); n > room(externalCIDRs[0]) {
		ps.add(mostPath, "%d Services have %d external IPs of a family; there are %d", most, n, room(externalCIDRs[0]))
		ps.with("services.policies.externalIPs")
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
		ps.add(path, "unknown %s %s; %s", what, quote(name), Instead(name, known))
	case len(name) > 63 || !wellMade.MatchString(name):
		ps.add(path, "%s is no name of a %s; want at most 63 of a-z, A-Z, 0-9, -, @ and .", quote(name), what)
	}
}

func sortLimits(limits []Limit) {
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Backend, b.Backend) })
}
