package ipvs

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// The netlink vocabulary of IPVS, from include/uapi/linux/ip_vs.h.
const (
	genlHeaderLen = 4

	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8

	attrService = 1
	attrDest    = 2

	serviceFamily    = 1
	serviceProtocol  = 2
	serviceAddr      = 3
	servicePort      = 4
	serviceMark      = 5
	serviceScheduler = 6
	serviceFlags     = 7
	serviceTimeout   = 8
	serviceNetmask   = 9

	destAddr    = 1
	destPort    = 2
	destForward = 3
	destWeight  = 4
	destUpper   = 5
	destLower   = 6
	destActive  = 7 // connections
	destInert   = 8 // connections that are closing, or that have no state

	flagPersistent          = 0x1
	flagHashed              = 0x2 // set by the kernel on every virtual server
	flagSchedulerHashesPort = 0x10
	forwardMask             = 0x7
	forwardMasquerade       = 0
)

// virtualServer is what the kernel says about one.
type virtualServer struct {
	vip
	service
	mark  uint32 // of the firewall; then there is no vip
	dests map[dest]realServer
}

// service is what a virtual server has beside its key.
type service struct {
	scheduler string
	flags     uint32 // without flagHashed
	timeout   uint32 // of persistence, seconds
	netmask   uint32 // of persistence
}

// service is how kube-proxy makes a virtual server.
func (b *Backend) service(f *family, s *server) service {
	want := service{scheduler: b.scheduler, timeout: s.affinity, netmask: f.netmask}
	if s.affinity > 0 {
		want.flags |= flagPersistent
	}
	if b.scheduler == "mh" { // the source's port counts as well
		want.flags |= flagSchedulerHashesPort
	}
	return want
}

// realServer is what the kernel says about one, but for its key.
type realServer struct {
	forward, weight, upper, lower uint32
	connections                   uint32 // active and inactive ones
}

// wanted says whether it is as kube-proxy makes each, with a weight.
func (r realServer) wanted(weight uint32) bool {
	return r.forward == forwardMasquerade && r.weight == weight && r.upper == 0 && r.lower == 0
}

// ours says whether the kind is one that kube-proxy of a family would take for
// its own.
func (s *virtualServer) ours(f *family) bool { return s.family == f.af && s.mark == 0 }

func beginIPVS(c *nlbatch.Conn, family uint16, cmd uint8, flags uint16) {
	c.Begin(family, flags)
	c.Raw(cmd, 1, 0, 0)
}

func putVIP(c *nlbatch.Conn, v vip) {
	c.U16(serviceFamily, uint16(v.family))
	c.U16(serviceProtocol, uint16(v.proto))
	c.Bytes(serviceAddr, v.bytes())
	c.BE16(servicePort, v.port)
}

// putVirtualServer adds a request to make (cmdNewService) or change
// (cmdSetService) a virtual server.
func (k *kernel) putVirtualServer(cmd uint8, v vip, s service) error {
	c := k.ipvs
	beginIPVS(c, k.family, cmd, 0)
	m := c.Nest(attrService)
	putVIP(c, v)
	c.String(serviceScheduler, s.scheduler)
	c.U32x2(serviceFlags, s.flags, 0xffffffff) // the second is the mask of what to change
	c.U32(serviceTimeout, s.timeout)
	c.U32(serviceNetmask, s.netmask)
	c.Unnest(m)
	return c.End()
}

func (k *kernel) putVirtualServerGone(v vip) error {
	c := k.ipvs
	beginIPVS(c, k.family, cmdDelService, 0)
	m := c.Nest(attrService)
	putVIP(c, v)
	c.Unnest(m)
	return c.End()
}

// putRealServer adds a request to make (cmdNewDest), change (cmdSetDest) or
// remove (cmdDelDest) a real server.
func (k *kernel) putRealServer(cmd uint8, v vip, d dest, weight uint32) error {
	c := k.ipvs
	beginIPVS(c, k.family, cmd, 0)
	m := c.Nest(attrService)
	putVIP(c, v)
	c.Unnest(m)
	m = c.Nest(attrDest)
	c.Bytes(destAddr, d.bytes())
	c.BE16(destPort, d.port)
	if cmd != cmdDelDest {
		c.U32(destForward, forwardMasquerade)
		c.U32(destWeight, weight)
		c.U32(destUpper, 0)
		c.U32(destLower, 0)
	}
	c.Unnest(m)
	return c.End()
}

// ipvsObject names what a refused request was about.
func ipvsObject(r nlbatch.Refusal) string {
	if len(r.Request) < unix.NLMSG_HDRLEN+genlHeaderLen {
		return "an IPVS request"
	}
	payload := r.Request[unix.NLMSG_HDRLEN:]
	s, d, _ := parseIPVS(unix.AF_UNSPEC, payload)
	server := fmt.Sprintf("virtual server %v", s.vip)
	real := fmt.Sprintf("real server %v of %s", d.dest, server)
	noScheduler := ""
	if r.Errno == unix.ENOENT {
		noScheduler = fmt.Sprintf(": the kernel has no scheduler %q (modprobe %s)", s.scheduler, module(s.scheduler))
	}
	switch payload[0] {
	case cmdNewService:
		return "adding " + server + noScheduler
	case cmdSetService:
		return "changing " + server + noScheduler
	case cmdDelService:
		return "removing " + server
	case cmdNewDest:
		if r.Errno == unix.EINVAL {
			// ip_vs_new_dest wants an address that routing takes for
			// unicast or local; a namespace without the local routing
			// table calls every address a broadcast.
			return "adding " + real + ": its address has no unicast route; is lo up?"
		}
		return "adding " + real
	case cmdSetDest:
		return "changing " + real
	case cmdDelDest:
		return "removing " + real
	}
	return server
}
