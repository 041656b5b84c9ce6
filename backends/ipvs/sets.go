package ipvs

import "fmt"

// setID is one of kube-proxy's sets, in the order of ipsetInfo in its
// proxier.go.
type setID uint8

const (
	setLoopBack setID = iota
	setClusterIP
	setExternalIP
	setExternalIPLocal
	setLoadBalancer
	setLoadBalancerFW
	setLoadBalancerLocal
	setLoadBalancerSourceIP
	setLoadBalancerSourceCIDR
	setNodePortTCP
	setNodePortLocalTCP
	setNodePortUDP
	setNodePortLocalUDP
	setNodePortSCTP
	setNodePortLocalSCTP
	setHealthCheckPort
	setIPVSAddrs
	setCount
)

// Types of sets.
const (
	hashIP        = "hash:ip"
	hashIPPort    = "hash:ip,port"
	hashIPPortIP  = "hash:ip,port,ip"
	hashIPPortNet = "hash:ip,port,net"
	bitmapPort    = "bitmap:port"

	hashSize    = 1024  // buckets at the start; the kernel doubles it as needed
	maxElements = 65536 // a hard ceiling of each set
)

// kubeSet is a set without the prefix of its family: KUBE- or KUBE-6-.
type kubeSet struct {
	name, typ string
	comment   string // of the rules that match on it
}

// kubeSets are all of them: kube-proxy makes them all, used or not.
var kubeSets = [setCount]kubeSet{
	{"LOOP-BACK", hashIPPortIP, "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"},
	{"CLUSTER-IP", hashIPPort, "Kubernetes service cluster ip + port for masquerade purpose"},
	{"EXTERNAL-IP", hashIPPort, "Kubernetes service external ip + port for masquerade and filter purpose"},
	{"EXTERNAL-IP-LOCAL", hashIPPort, "Kubernetes service external ip + port with externalTrafficPolicy=local"},
	{"LOAD-BALANCER", hashIPPort, "Kubernetes service lb portal"},
	{"LOAD-BALANCER-FW", hashIPPort, "Kubernetes service load balancer ip + port for load balancer with sourceRange"},
	{"LOAD-BALANCER-LOCAL", hashIPPort, "Kubernetes service load balancer ip + port with externalTrafficPolicy=local"},
	{"LOAD-BALANCER-SOURCE-IP", hashIPPortIP, "Kubernetes service load balancer ip + port + source IP for packet filter purpose"},
	{"LOAD-BALANCER-SOURCE-CIDR", hashIPPortNet, "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"},
	{"NODE-PORT-TCP", bitmapPort, "Kubernetes nodeport TCP port for masquerade purpose"},
	{"NODE-PORT-LOCAL-TCP", bitmapPort, "Kubernetes nodeport TCP port with externalTrafficPolicy=local"},
	{"NODE-PORT-UDP", bitmapPort, "Kubernetes nodeport UDP port for masquerade purpose"},
	{"NODE-PORT-LOCAL-UDP", bitmapPort, "Kubernetes nodeport UDP port with externalTrafficPolicy=local"},
	{"NODE-PORT-SCTP-HASH", hashIPPort, "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"},
	{"NODE-PORT-LOCAL-SCTP-HASH", hashIPPort, "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'"},
	{"HEALTH-CHECK-NODE-PORT", bitmapPort, "Kubernetes health check node port"},
	{"IPVS-IPS", hashIP, "Addresses on the ipvs interface"},
}

// setTypes are the types with the newest revision of each that we know to mean
// the same for these sets. A create request names one that the kernel has as
// well.
var setTypes = [...]struct {
	typ   string
	known uint8
}{{hashIP, 6}, {hashIPPort, 7}, {hashIPPortIP, 7}, {hashIPPortNet, 9}, {bitmapPort, 3}}

// entry is an entry of a set: its type says which fields count, and the others
// are 0.
type entry struct {
	ip, ip2 ip    // of hash:ip,port,net the second is the network's
	proto   uint8 // unix.IPPROTO_…
	bits    uint8 // of the network
	port    uint16
}

// text is how ipset(8) takes an entry of a set type, and how kube-proxy writes
// it. ipset itself prints a network of one address without its length.
func (e *entry) text(typ string) string {
	switch typ {
	case hashIP:
		return e.ip.String()
	case bitmapPort:
		return fmt.Sprint(e.port)
	}
	s := fmt.Sprintf("%s,%s:%d", e.ip, protocolName(e.proto), e.port)
	switch typ {
	case hashIPPortIP:
		s += "," + e.ip2.String()
	case hashIPPortNet:
		s += fmt.Sprintf(",%s/%d", e.ip2, e.bits)
	}
	return s
}
