package nftables

// container is one of the maps and sets whose elements Services make.
type container uint8

const (
	clusterIPs container = iota
	serviceIPs
	firewallIPs
	noEndpointServices
	noEndpointNodePorts
	serviceNodePorts
	hairpinConnections
	containerCount
)

// name is what kube-proxy calls it.
func (c container) name() string {
	return [containerCount]string{
		"cluster-ips", "service-ips", "firewall-ips", "no-endpoint-services",
		"no-endpoint-nodeports", "service-nodeports", "hairpin-connections",
	}[c]
}

func (c container) comment() string {
	return [containerCount]string{
		"Active ClusterIPs",
		"ClusterIP, ExternalIP and LoadBalancer IP traffic",
		"destinations that are subject to LoadBalancerSourceRanges",
		"vmap to drop or reject packets to services with no endpoints",
		"vmap to drop or reject packets to service nodeports with no endpoints",
		"NodePort traffic",
		"service hairpin connections",
	}[c]
}

// kind is nft's word: "set" or "map".
func (c container) kind() string {
	if c == clusterIPs || c == hairpinConnections {
		return "set"
	}
	return "map"
}

// keyType is the type of its elements' keys.
func (c container) keyType(addr string) string {
	switch c {
	case clusterIPs:
		return addr
	case noEndpointNodePorts, serviceNodePorts:
		return "inet_proto . inet_service"
	case hairpinConnections:
		return addr + " . " + addr + " . inet_proto . inet_service"
	}
	return addr + " . inet_proto . inet_service"
}

// containers are those of a layout, in the order in which kube-proxy makes
// them.
func (l Layout) containers() []container {
	c := []container{clusterIPs, noEndpointServices, noEndpointNodePorts, firewallIPs, serviceIPs, serviceNodePorts}
	if l.hairpins() {
		c = append([]container{hairpinConnections}, c...)
	}
	return c
}

// nodePortIPs is the set of addresses that take NodePort traffic.
const (
	nodePortIPs        = "nodeport-ips"
	nodePortIPsComment = "IPs that accept NodePort traffic"
)
