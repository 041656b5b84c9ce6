package scenarios

// typed is what the mix makes of a Service.
type typed struct {
	Type   Type
	served bool
	nth    int // which of the served ones it is, from 0
	index  int // which of its type it is, headless ones apart, from 0
}

// typeDeals deal out the types one after another: who is no ExternalName may be
// headless, who is neither may be of type NodePort, and so on.
type typeDeals struct{ externalName, headless, nodePort, loadBalancer deal }

func (s *Scenario) typeDeals() typeDeals {
	m, left := &s.Services.Mix, 100
	next := func(stream uint64, share int) deal {
		d := newDeal(share, max(1, left), s.stream(deals+stream))
		left -= share
		return d
	}
	return typeDeals{next(0, m.ExternalName), next(1, m.Headless), next(2, m.NodePort), next(3, m.LoadBalancer)}
}

func (d *typeDeals) of(i int) typed {
	if d.externalName.has(i) {
		return typed{Type: ExternalName, index: d.externalName.before(i)}
	}
	i -= d.externalName.before(i)
	if d.headless.has(i) {
		return typed{Type: ClusterIP, index: d.headless.before(i)}
	}
	i -= d.headless.before(i)
	nth := i
	if d.nodePort.has(i) {
		return typed{NodePort, true, nth, d.nodePort.before(i)}
	}
	i -= d.nodePort.before(i)
	if d.loadBalancer.has(i) {
		return typed{LoadBalancer, true, nth, d.loadBalancer.before(i)}
	}
	return typed{ClusterIP, true, nth, i - d.loadBalancer.before(i)}
}

// policyDeals deal out the policies; Policies says over what each goes.
type policyDeals struct {
	sctp                                                                         deal // of a type's Services that are not UDP
	internalLocal, affinity, externalIPs, severalPorts, singleStack, noEndpoints deal // of the served
	zoneHints, nodeHints                                                         deal
	nodePortLocal, loadBalancerLocal, sourceRanges, proxyIPMode, noNodePorts     deal // of the type's
	local, notReady, terminating                                                 deal // of the endpoints
}

func (s *Scenario) policyDeals() policyDeals {
	p, stream := &s.Services.Policies, uint64(deals+10)
	of := func(share, of int) deal {
		stream++
		return newDeal(share, max(1, of), s.stream(stream))
	}
	return policyDeals{
		sctp:              of(s.Services.Protocols.SCTP, 100-s.Services.Protocols.UDP),
		internalLocal:     of(p.InternalTrafficPolicyLocal, 100),
		affinity:          of(p.SessionAffinity, 100),
		externalIPs:       of(p.ExternalIPs, 100),
		severalPorts:      of(p.SeveralPorts, 100),
		singleStack:       of(p.SingleStack, 100),
		noEndpoints:       of(p.NoEndpoints, 100),
		zoneHints:         of(p.ZoneHints, 100),
		nodeHints:         of(p.NodeHints, 100),
		nodePortLocal:     of(p.ExternalTrafficPolicyLocal, 100),
		loadBalancerLocal: of(p.ExternalTrafficPolicyLocal, 100),
		sourceRanges:      of(p.SourceRanges, 100),
		proxyIPMode:       of(p.ProxyIPMode, 100),
		noNodePorts:       of(p.NoNodePorts, 100),
		local:             of(p.LocalEndpoints, 100),
		notReady:          of(p.NotReady, 100),
		terminating:       of(p.Terminating, 100-p.NotReady), // of the others
	}
}

// The range of node ports, the API server's --service-node-port-range.
const firstNodePort, nodePortRoom = 30000, 2768

// portDealer deals out the node ports, each once, in an order that the seed
// decides.
type portDealer struct {
	order pool
	dealt int
}

func newPortDealer(rnd uint64) portDealer {
	d := portDealer{order: pool{last: 1<<12 - 1, half: 6}}
	for i := range d.order.keys {
		rnd = scramble(rnd)
		d.order.keys[i] = uint32(rnd)
	}
	return d
}

func (d *portDealer) next() uint16 {
	x := d.order.permute(uint32(d.dealt))
	for x >= nodePortRoom {
		x = d.order.permute(x)
	}
	d.dealt++
	return firstNodePort + uint16(x)
}

// portsNeeded is how many node ports the first n Services take.
func (s *Scenario) portsNeeded(n int) int {
	if m := s.Services.Mix; m.NodePort+m.LoadBalancer == 0 {
		return 0
	}
	types, policies, needed := s.typeDeals(), s.policyDeals(), 0
	for i := range n {
		kind := types.of(i)
		ports := 1
		if policies.severalPorts.has(kind.nth) {
			ports += len(morePorts)
		}
		switch kind.Type {
		case NodePort:
			needed += ports
		case LoadBalancer:
			if !policies.noNodePorts.has(kind.index) {
				needed += ports
			}
			if policies.loadBalancerLocal.has(kind.index) {
				needed++
			}
		}
	}
	return needed
}

// share is a key of a mapping of shares, and its value.
type share struct {
	key string
	of  *int
}

func (m *Mix) fields() []share {
	return []share{
		{"ClusterIP", &m.ClusterIP}, {"NodePort", &m.NodePort}, {"LoadBalancer", &m.LoadBalancer},
		{"ExternalName", &m.ExternalName}, {"Headless", &m.Headless},
	}
}

func (p *Protocols) fields() []share {
	return []share{{"TCP", &p.TCP}, {"UDP", &p.UDP}, {"SCTP", &p.SCTP}}
}

// fields are all but AffinitySeconds, which is no share.
func (p *Policies) fields() []share {
	return []share{
		{"externalTrafficPolicyLocal", &p.ExternalTrafficPolicyLocal},
		{"internalTrafficPolicyLocal", &p.InternalTrafficPolicyLocal},
		{"sessionAffinity", &p.SessionAffinity},
		{"externalIPs", &p.ExternalIPs},
		{"sourceRanges", &p.SourceRanges},
		{"proxyIPMode", &p.ProxyIPMode},
		{"noNodePorts", &p.NoNodePorts},
		{"severalPorts", &p.SeveralPorts},
		{"singleStack", &p.SingleStack},
		{"noEndpoints", &p.NoEndpoints},
		{"zoneHints", &p.ZoneHints},
		{"nodeHints", &p.NodeHints},
		{"localEndpoints", &p.LocalEndpoints},
		{"notReady", &p.NotReady},
		{"terminating", &p.Terminating},
	}
}
