package ipvs

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// The netlink vocabulary of ipset, from include/uapi/linux/netfilter/ipset/ip_set.h.
const (
	nfgenLen       = 4
	subsystemIPSet = 6 << 8
	ipsetProtocol  = 6 // the oldest one in use; 7 only adds what is not used here

	ipsetCreate  = 2
	ipsetDestroy = 3
	ipsetFlush   = 4
	ipsetList    = 7
	ipsetAdd     = 9
	ipsetDel     = 10
	ipsetType    = 13

	ipsetAttrProtocol = 1
	ipsetAttrName     = 2
	ipsetAttrType     = 3
	ipsetAttrRevision = 4
	ipsetAttrFamily   = 5
	ipsetAttrFlags    = 6
	ipsetAttrData     = 7
	ipsetAttrADT      = 8
	ipsetAttrLine     = 9

	dataIP          = 1
	dataPort        = 4
	dataPortTo      = 5
	dataProto       = 7
	dataLine        = 9
	dataHashSize    = 18
	dataMaxElements = 19
	dataIP2         = 20
	dataElements    = 24
	dataIPv4        = 1

	netOrder       = 1 << 14 // NLA_F_NET_BYTEORDER: ipset refuses its numbers without it
	listHeaderOnly = 1 << 2

	// adtLimit is how long a request of many entries grows, in bytes.
	adtLimit = 32 << 10
)

// entry is an entry of a set: its type says which fields count.
type entry struct {
	ip    [4]byte
	port  uint16
	proto uint8
	ip2   [4]byte
}

// text is how ipset(8) writes an entry of a set type.
func (e entry) text(typ string) string {
	ip := netip.AddrFrom4(e.ip).String()
	switch typ {
	case hashIP:
		return ip
	case hashIPPortIP:
		return fmt.Sprintf("%s,%s:%d,%s", ip, protocolName(e.proto), e.port, netip.AddrFrom4(e.ip2))
	case bitmapPort:
		return fmt.Sprint(e.port)
	}
	return fmt.Sprintf("%s,%s:%d", ip, protocolName(e.proto), e.port)
}

func beginIPSet(c *nlbatch.Conn, cmd, flags uint16) {
	c.Begin(subsystemIPSet|cmd, flags)
	c.Raw(unix.AF_INET, 0, 0, 0)
	c.U8(ipsetAttrProtocol, ipsetProtocol)
}

func setFamily(typ string) uint8 {
	if typ == bitmapPort {
		return unix.AF_UNSPEC
	}
	return unix.AF_INET
}

// revision asks for the newest revision of a set type that both the kernel and
// we know. The kernel loads the type's module if it may.
func (k *kernel) revision(typ string) (revision uint8, err error) {
	c := k.sets
	beginIPSet(c, ipsetType, 0)
	c.String(ipsetAttrType, typ)
	c.U8(ipsetAttrFamily, setFamily(typ))
	err = c.Query(func(_ uint16, payload []byte) error {
		if len(payload) < nfgenLen {
			return nlbatch.ErrMalformed
		}
		return nlbatch.EachAttr(payload[nfgenLen:], func(attr uint16, v []byte) error {
			if attr == ipsetAttrRevision {
				revision = nlbatch.U8(v)
			}
			return nil
		})
	})
	if err != nil {
		return 0, fmt.Errorf("set type %s: %w", typ, setError(err))
	}
	return min(revision, knownRevisions[typ]), nil
}

// putSet adds a request to create a set.
func (k *kernel) putSet(s kubeSet, revision uint8) error {
	c := k.sets
	beginIPSet(c, ipsetCreate, unix.NLM_F_CREATE)
	c.String(ipsetAttrName, s.name)
	c.String(ipsetAttrType, s.typ)
	c.U8(ipsetAttrRevision, revision)
	c.U8(ipsetAttrFamily, setFamily(s.typ))
	m := c.Nest(ipsetAttrData)
	if s.typ == bitmapPort {
		c.BE16(dataPort|netOrder, 0)
		c.BE16(dataPortTo|netOrder, 65535)
	} else {
		c.BE32(dataHashSize|netOrder, hashSize)
		c.BE32(dataMaxElements|netOrder, maxElements)
	}
	c.Unnest(m)
	return c.End()
}

// putSetCommand adds a request that needs nothing but the set's name.
func (k *kernel) putSetCommand(cmd uint16, name string) error {
	beginIPSet(k.sets, cmd, 0)
	k.sets.String(ipsetAttrName, name)
	return k.sets.End()
}

// adder packs the entries of one set into as few requests as possible.
type adder struct {
	k    *kernel
	cmd  uint16 // ipsetAdd or ipsetDel
	set  kubeSet
	nest int
	line uint32 // entries in the open request, 0 when none is open
}

func (a *adder) put(e entry) error {
	c := a.k.sets
	if a.line == 0 {
		// Without NLM_F_EXCL an entry that is there already is no error, as
		// with ipset's -exist.
		beginIPSet(c, a.cmd, 0)
		c.String(ipsetAttrName, a.set.name)
		// The kernel overwrites it with the line of an entry that it refuses.
		c.U32(ipsetAttrLine, 0)
		a.nest = c.Nest(ipsetAttrADT)
	}
	a.line++
	m := c.Nest(ipsetAttrData)
	putEntryIP(c, dataIP, e.ip)
	if a.set.typ != hashIP {
		c.BE16(dataPort|netOrder, e.port)
		c.U8(dataProto, e.proto)
	}
	if a.set.typ == hashIPPortIP {
		putEntryIP(c, dataIP2, e.ip2)
	}
	c.U32(dataLine, a.line)
	c.Unnest(m)
	if c.Len() >= adtLimit {
		return a.end()
	}
	return nil
}

func (a *adder) end() error {
	if a.line == 0 {
		return nil
	}
	a.line = 0
	a.k.sets.Unnest(a.nest)
	return a.k.sets.End()
}

func putEntryIP(c *nlbatch.Conn, attr uint16, ip [4]byte) {
	m := c.Nest(attr)
	c.Addr(dataIPv4|netOrder, ip)
	c.Unnest(m)
}
