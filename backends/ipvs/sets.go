package ipvs

// kube-proxy's sets, in the order of ipsetInfo in its proxier.go.
const (
	setLoopBack        = "KUBE-LOOP-BACK"
	setClusterIP       = "KUBE-CLUSTER-IP"
	setExternalIP      = "KUBE-EXTERNAL-IP"
	setExternalIPLocal = "KUBE-EXTERNAL-IP-LOCAL"
	setLoadBalancer    = "KUBE-LOAD-BALANCER"
	setHealthCheckPort = "KUBE-HEALTH-CHECK-NODE-PORT"
	setIPVSAddrs       = "KUBE-IPVS-IPS"

	hashIP        = "hash:ip"
	hashIPPort    = "hash:ip,port"
	hashIPPortIP  = "hash:ip,port,ip"
	hashIPPortNet = "hash:ip,port,net"
	bitmapPort    = "bitmap:port"

	hashSize    = 1024  // buckets at the start; the kernel doubles it as needed
	maxElements = 65536 // a hard ceiling of each set
)

// kubeSet is one of the sets.
type kubeSet struct{ name, typ string }

// kubeSets are all of them: kube-proxy makes them all, used or not.
var kubeSets = [...]kubeSet{
	{setLoopBack, hashIPPortIP},
	{setClusterIP, hashIPPort},
	{setExternalIP, hashIPPort},
	{setExternalIPLocal, hashIPPort},
	{setLoadBalancer, hashIPPort},
	{"KUBE-LOAD-BALANCER-FW", hashIPPort},
	{"KUBE-LOAD-BALANCER-LOCAL", hashIPPort},
	{"KUBE-LOAD-BALANCER-SOURCE-IP", hashIPPortIP},
	{"KUBE-LOAD-BALANCER-SOURCE-CIDR", hashIPPortNet},
	{"KUBE-NODE-PORT-TCP", bitmapPort},
	{"KUBE-NODE-PORT-LOCAL-TCP", bitmapPort},
	{"KUBE-NODE-PORT-UDP", bitmapPort},
	{"KUBE-NODE-PORT-LOCAL-UDP", bitmapPort},
	{"KUBE-NODE-PORT-SCTP-HASH", hashIPPort},
	{"KUBE-NODE-PORT-LOCAL-SCTP-HASH", hashIPPort},
	{setHealthCheckPort, bitmapPort},
	{setIPVSAddrs, hashIP},
}

// knownRevisions are the newest revisions of the set types that we know to
// mean the same for these sets. A create request names one that the kernel
// has as well.
var knownRevisions = map[string]uint8{hashIP: 6, hashIPPort: 7, hashIPPortIP: 7, hashIPPortNet: 9, bitmapPort: 3}

// each hands out the entries that a set should hold, in the state's order.
func (w *want) each(set string, visit func(entry) error) error {
	switch set {
	case setClusterIP:
		for i := range w.servers {
			v := &w.servers[i].vip
			if err := visit(entry{ip: v.addr, port: v.port, proto: v.proto}); err != nil {
				return err
			}
		}
	case setLoopBack:
		for _, e := range w.loopback {
			if err := visit(e); err != nil {
				return err
			}
		}
	case setIPVSAddrs:
		for _, a := range w.addrs {
			if err := visit(entry{ip: a}); err != nil {
				return err
			}
		}
	}
	return nil
}
