package scenarios

import (
	"net/netip"
	"slices"
	"strings"
)

// Overrides are values from the command line that replace a scenario's. A nil
// list, a nil Seed, a Repeat of 0 and an empty text leave the scenario's value.
type Overrides struct {
	Backends  []string // --backends
	Services  []int    // --services
	Endpoints []int    // --endpoints
	Times     []int    // --times
	Measure   []string // --measure
	Repeat    int      // --repeat
	Seed      *uint64  // --seed

	// Variants are backends that take another's place, by its name: each of its
	// points becomes one of each of them.
	Variants map[string][]string

	// Labels are those of the kube-proxies, where every one has one: each program
	// that is a kube-proxy without a label becomes one of each of them.
	Labels []string

	NodeName string // --node-name; another node has no zone that is known
	// NodeZone is --node-zone.
	NodeZone     string
	NodeIPs      []netip.Addr   // --node-ip
	ClusterCIDRs []netip.Prefix // --cluster-cidr
	ServiceCIDRs []netip.Prefix // --service-cidr
}

// With is the scenario after the flags. s itself is not changed. The error is a
// Mistakes that names the flags.
func (s *Scenario) With(o Overrides, known Known) (*Scenario, error) {
	c := *s
	c.Backends = slices.Clone(s.Backends)
	c.Programs = slices.Clone(s.Programs)
	c.Limits = slices.Clone(s.Limits)
	c.Measure = slices.Clone(s.Measure)
	c.Services.Count = slices.Clone(s.Services.Count)
	c.Services.Endpoints = slices.Clone(s.Services.Endpoints)
	c.Services.Weights = slices.Clone(s.Services.Weights)
	c.Services.Times = slices.Clone(s.Services.Times)

	flags := map[string]string{} // path: the flag that replaced its value
	if o.Backends != nil {
		c.Backends, flags["backends"] = slices.Clone(o.Backends), "--backends"
	}
	if o.Services != nil {
		c.Services.Count, flags["services.count"] = slices.Clone(o.Services), "--services"
	}
	if o.Endpoints != nil {
		c.Services.Endpoints, flags["services.endpoints"] = slices.Clone(o.Endpoints), "--endpoints"
	}
	if o.Times != nil {
		c.Services.setTimes(slices.Clone(o.Times))
		flags[timesPath] = "--times"
	}
	if o.Measure != nil {
		c.Measure, flags["measure"] = slices.Clone(o.Measure), "--measure"
	}
	if o.Repeat != 0 {
		c.Repeat, flags["repeat"] = o.Repeat, "--repeat"
	}
	if o.Seed != nil {
		c.Seed = *o.Seed
	}
	c.vary(o.Variants)
	c.label(o.Labels)
	c.keepPrograms()
	c.viewedFrom(o, flags)

	var mistakes Mistakes
	for _, p := range c.check(known) {
		mistakes = append(mistakes, p.flagged(c.Metadata.Name, flags))
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return &c, nil
}

// vary replaces backends by their variants, in the axis and in the limits.
func (s *Scenario) vary(variants map[string][]string) {
	var backends []string
	for _, b := range s.Backends {
		if v := variants[b]; v != nil {
			backends = append(backends, v...)
		} else {
			backends = append(backends, b)
		}
	}
	var limits []Limit
	for _, l := range s.Limits {
		if v := variants[l.Backend]; v != nil {
			for _, b := range v {
				limits = append(limits, Limit{b, l.Services})
			}
		} else {
			limits = append(limits, l)
		}
	}
	slices.SortFunc(limits, func(a, b Limit) int { return strings.Compare(a.Backend, b.Backend) })
	s.Backends, s.Limits = backends, limits
}

// label replaces programs that are kube-proxies by one of each label.
func (s *Scenario) label(labels []string) {
	variants := map[string][]string{}
	for _, p := range s.Programs {
		if p.KubeProxy == nil || p.KubeProxy.Label != "" {
			continue
		}
		for _, l := range labels {
			k := *p.KubeProxy
			k.Label = l
			labelled := Program{Name: p.Name + "@" + l, KubeProxy: &k}
			variants[p.Name] = append(variants[p.Name], labelled.Name)
			s.Programs = append(s.Programs, labelled)
		}
	}
	s.vary(variants)
}

// viewedFrom replaces the node and the network.
func (s *Scenario) viewedFrom(o Overrides, flags map[string]string) {
	if o.NodeName != "" && o.NodeName != s.Node.Name {
		s.Node.Name, s.Node.Zone, flags["node.name"] = o.NodeName, "", "--node-name"
	}
	if o.NodeZone != "" {
		s.Node.Zone, flags["node.zone"] = o.NodeZone, "--node-zone"
	}
	if o.NodeIPs != nil {
		s.Node.Addrs, flags["node.addresses"] = slices.Clone(o.NodeIPs), "--node-ip"
	}
	if o.ClusterCIDRs != nil {
		s.Network.ClusterCIDRs, flags[clusterCIDRPath] = slices.Clone(o.ClusterCIDRs), "--cluster-cidr"
	}
	if o.ServiceCIDRs != nil {
		s.Network.ServiceCIDRs, flags[serviceCIDRPath] = slices.Clone(o.ServiceCIDRs), "--service-cidr"
	}
}

// flagged blames the first of the problem's values that came with a flag.
func (p problem) flagged(scenario string, flags map[string]string) Mistake {
	for _, path := range p.paths {
		for replaced, flag := range flags {
			if within(path, replaced) {
				return Mistake{Flag: flag, Path: path, Message: p.message}
			}
		}
	}
	return Mistake{File: "scenario " + scenario, Path: p.paths[0], Message: p.message}
}
