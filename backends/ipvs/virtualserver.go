package ipvs

import (
	"fmt"
	"io"

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

	flagHashed              = 0x2 // set by the kernel on every virtual server
	flagSchedulerHashesPort = 0x10
	forwardMask             = 0x7
	forwardMasquerade       = 0
	hostMask                = 0xffffffff
)

// virtualServer is what the kernel says about one.
type virtualServer struct {
	vip
	family    uint16
	mark      uint32 // of the firewall; then there is no vip
	scheduler string
	flags     uint32 // without flagHashed
	timeout   uint32 // of persistence, seconds
	netmask   uint32 // of persistence
	dests     map[dest]realServer
}

// realServer is what the kernel says about one, but for its key.
type realServer struct{ forward, weight, upper, lower uint32 }

// wanted is how kube-proxy makes each real server.
var wanted = realServer{forward: forwardMasquerade, weight: 1}

// ours says whether the kind is one that kube-proxy for IPv4 would take for its
// own.
func (s *virtualServer) ours() bool { return s.family == unix.AF_INET && s.mark == 0 }

func beginIPVS(c *nlbatch.Conn, family uint16, cmd uint8, flags uint16) {
	c.Begin(family, flags)
	c.Raw(cmd, 1, 0, 0)
}

func putVIP(c *nlbatch.Conn, v vip) {
	c.U16(serviceFamily, unix.AF_INET)
	c.U16(serviceProtocol, uint16(v.proto))
	c.Addr(serviceAddr, v.addr)
	c.BE16(servicePort, v.port)
}

// putVirtualServer adds a request to make (cmdNewService) or change
// (cmdSetService) a virtual server.
func (k *kernel) putVirtualServer(cmd uint8, v vip, scheduler string, flags uint32) error {
	c := k.ipvs
	beginIPVS(c, k.family, cmd, 0)
	m := c.Nest(attrService)
	putVIP(c, v)
	c.String(serviceScheduler, scheduler)
	c.U32x2(serviceFlags, flags, 0xffffffff) // the second is the mask of what to change
	c.U32(serviceTimeout, 0)
	c.U32(serviceNetmask, hostMask)
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
func (k *kernel) putRealServer(cmd uint8, v vip, d dest) error {
	c := k.ipvs
	beginIPVS(c, k.family, cmd, 0)
	m := c.Nest(attrService)
	putVIP(c, v)
	c.Unnest(m)
	m = c.Nest(attrDest)
	c.Addr(destAddr, d.addr)
	c.BE16(destPort, d.port)
	if cmd != cmdDelDest {
		c.U32(destForward, wanted.forward)
		c.U32(destWeight, wanted.weight)
		c.U32(destUpper, wanted.upper)
		c.U32(destLower, wanted.lower)
	}
	c.Unnest(m)
	return c.End()
}

// virtualServers reads all of them back, with their real servers.
func (k *kernel) virtualServers() (servers []*virtualServer, err error) {
	if k.family == 0 {
		return nil, nil
	}
	err = dump(func() error {
		servers = servers[:0]
		beginIPVS(k.ipvs, k.family, cmdGetService, unix.NLM_F_DUMP)
		return k.ipvs.Query(func(_ uint16, payload []byte) error {
			s, _, err := parseIPVS(payload)
			servers = append(servers, &s)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the virtual servers: %w", err)
	}
	for _, s := range servers {
		if !s.ours() {
			continue
		}
		if s.dests, err = k.realServers(s.vip); err != nil {
			return nil, fmt.Errorf("reading the real servers of %v: %w", s.vip, err)
		}
	}
	return servers, nil
}

func (k *kernel) realServers(v vip) (dests map[dest]realServer, err error) {
	err = dump(func() error {
		dests = make(map[dest]realServer)
		beginIPVS(k.ipvs, k.family, cmdGetDest, unix.NLM_F_DUMP)
		m := k.ipvs.Nest(attrService)
		putVIP(k.ipvs, v)
		k.ipvs.Unnest(m)
		return k.ipvs.Query(func(_ uint16, payload []byte) error {
			_, d, err := parseIPVS(payload)
			dests[d.dest] = d.realServer
			return err
		})
	})
	return dests, err
}

type parsedDest struct {
	dest
	realServer
}

// parseIPVS reads the payload of an IPVS message: what the kernel dumps, and
// our own requests.
func parseIPVS(payload []byte) (s virtualServer, d parsedDest, err error) {
	if len(payload) < genlHeaderLen {
		return s, d, fmt.Errorf("%w: IPVS message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	err = nlbatch.EachAttr(payload[genlHeaderLen:], func(typ uint16, v []byte) error {
		switch typ {
		case attrService:
			return parseService(v, &s)
		case attrDest:
			return parseDest(v, &d)
		}
		return nil
	})
	return s, d, err
}

func parseService(b []byte, s *virtualServer) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case serviceFamily:
			s.family = nlbatch.U16(v)
		case serviceProtocol:
			s.proto = uint8(nlbatch.U16(v))
		case serviceAddr:
			s.addr = nlbatch.Addr(v)
		case servicePort:
			s.port = nlbatch.BE16(v)
		case serviceMark:
			s.mark = nlbatch.U32(v)
		case serviceScheduler:
			s.scheduler = nlbatch.Text(v)
		case serviceFlags:
			s.flags = nlbatch.U32(v) &^ flagHashed
		case serviceTimeout:
			s.timeout = nlbatch.U32(v)
		case serviceNetmask:
			s.netmask = nlbatch.U32(v)
			return io.EOF // statistics follow, which nobody here reads
		}
		return nil
	})
}

func parseDest(b []byte, d *parsedDest) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case destAddr:
			d.addr = nlbatch.Addr(v)
		case destPort:
			d.port = nlbatch.BE16(v)
		case destForward:
			d.forward = nlbatch.U32(v) & forwardMask
		case destWeight:
			d.weight = nlbatch.U32(v)
		case destUpper:
			d.upper = nlbatch.U32(v)
		case destLower:
			d.lower = nlbatch.U32(v)
			return io.EOF // counters follow
		}
		return nil
	})
}

// ipvsObject names what a refused request was about.
func ipvsObject(r nlbatch.Refusal) string {
	if len(r.Request) < unix.NLMSG_HDRLEN+genlHeaderLen {
		return "an IPVS request"
	}
	payload := r.Request[unix.NLMSG_HDRLEN:]
	s, d, _ := parseIPVS(payload)
	server := fmt.Sprintf("virtual server %v", s.vip)
	real := fmt.Sprintf("real server %v of %s", d.dest, server)
	noScheduler := ""
	if r.Errno == unix.ENOENT {
		noScheduler = fmt.Sprintf(": the kernel has no scheduler %q (modprobe ip_vs_%s)", s.scheduler, s.scheduler)
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
