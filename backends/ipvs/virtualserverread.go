package ipvs

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// virtualServers reads all of them back, with the real servers of those that
// have a VIP.
func (k *kernel) virtualServers() (servers []*virtualServer, err error) {
	if k.family == 0 {
		return nil, nil
	}
	err = dump(func() error {
		servers = servers[:0]
		beginIPVS(k.ipvs, k.family, cmdGetService, unix.NLM_F_DUMP)
		return k.ipvs.Query(func(_ uint16, payload []byte) error {
			s, _, err := parseIPVS(unix.AF_UNSPEC, payload)
			servers = append(servers, &s)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the virtual servers: %w", err)
	}
	for _, s := range servers {
		if s.mark != 0 {
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
			_, d, err := parseIPVS(v.family, payload)
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
// our own requests. The kernel says of real servers' addresses no family: it is
// the one given, or that of a virtual server in the same message.
func parseIPVS(family uint8, payload []byte) (s virtualServer, d parsedDest, err error) {
	if len(payload) < genlHeaderLen {
		return s, d, fmt.Errorf("%w: IPVS message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	err = nlbatch.EachAttr(payload[genlHeaderLen:], func(typ uint16, v []byte) error {
		switch typ {
		case attrService:
			err := parseService(v, &s)
			family = s.family
			return err
		case attrDest:
			return parseDest(family, v, &d)
		}
		return nil
	})
	return s, d, err
}

func parseService(b []byte, s *virtualServer) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case serviceFamily:
			s.family = uint8(nlbatch.U16(v))
		case serviceProtocol:
			s.proto = uint8(nlbatch.U16(v))
		case serviceAddr:
			s.ip = parseIP(s.family, v) // the family comes first
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

func parseDest(family uint8, b []byte, d *parsedDest) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case destAddr:
			d.ip = parseIP(family, v)
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
		case destActive:
			d.connections = nlbatch.U32(v)
		case destInert:
			d.connections += nlbatch.U32(v)
			return io.EOF // statistics follow
		}
		return nil
	})
}
