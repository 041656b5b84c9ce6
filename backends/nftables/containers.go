package nftables

// container is one of the maps and sets that a state fills.
type container uint8

const (
	nodePortIPs container = iota // of the node, all others of Services
	clusterIPs
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
		"nodeport-ips", "cluster-ips", "service-ips", "firewall-ips", "no-endpoint-services",
		"no-endpoint-nodeports", "service-nodeports", "hairpin-connections",
	}[c]
}

func (c container) comment() string {
	return [containerCount]string{
		"IPs that accept NodePort traffic",
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
	switch c {
	case nodePortIPs, clusterIPs, hairpinConnections:
		return "set"
	}
	return "map"
}

// keyType is the type of its elements' keys.
func (c container) keyType(addr string) string {
	switch c {
	case nodePortIPs, clusterIPs:
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
	c := []container{clusterIPs, nodePortIPs, noEndpointServices, noEndpointNodePorts, firewallIPs, serviceIPs, serviceNodePorts}
	if l.hairpins() {
		c = append([]container{hairpinConnections}, c...)
	}
	return c
}
