package ipvs

import (
	"fmt"

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
	dataCIDR2       = 21
	dataElements    = 24
	dataIPv4        = 1
	dataIPv6        = 2

	netOrder       = 1 << 14 // NLA_F_NET_BYTEORDER: ipset refuses its numbers without it
	listHeaderOnly = 1 << 2

	// adtLimit is how long a request of many entries grows, in bytes.
	adtLimit = 32 << 10
)

func beginIPSet(c *nlbatch.Conn, cmd, flags uint16) {
	c.Begin(subsystemIPSet|cmd, flags)
	c.Raw(unix.AF_INET, 0, 0, 0)
	c.U8(ipsetAttrProtocol, ipsetProtocol)
}

// revision asks for the newest revision of a set type that both the kernel and
// we know. The kernel loads the type's module if it may. A type has the same
// revisions in both families.
func (k *kernel) revision(typ string) (revision uint8, err error) {
	c := k.sets
	beginIPSet(c, ipsetType, 0)
	c.String(ipsetAttrType, typ)
	c.U8(ipsetAttrFamily, setFamily(typ, unix.AF_INET))
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
	for _, t := range setTypes {
		if t.typ == typ {
			revision = min(revision, t.known)
		}
	}
	return revision, nil
}

// setFamily is the family of a set of a type: a bitmap of ports has none.
func setFamily(typ string, family uint8) uint8 {
	if typ == bitmapPort {
		return unix.AF_UNSPEC
	}
	return family
}

// putSet adds a request to create a set.
func (k *kernel) putSet(name, typ string, family, revision uint8) error {
	c := k.sets
	beginIPSet(c, ipsetCreate, unix.NLM_F_CREATE)
	c.String(ipsetAttrName, name)
	c.String(ipsetAttrType, typ)
	c.U8(ipsetAttrRevision, revision)
	c.U8(ipsetAttrFamily, setFamily(typ, family))
	m := c.Nest(ipsetAttrData)
	if typ == bitmapPort {
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
	name string // of the set
	typ  string
	nest int
	line uint32 // entries in the open request, 0 when none is open
}

func (a *adder) put(e *entry) error {
	c := a.k.sets
	if a.line == 0 {
		// Without NLM_F_EXCL an entry that is there already is no error, as
		// with ipset's -exist.
		beginIPSet(c, a.cmd, 0)
		c.String(ipsetAttrName, a.name)
		// The kernel overwrites it with the line of an entry that it refuses.
		c.U32(ipsetAttrLine, 0)
		a.nest = c.Nest(ipsetAttrADT)
	}
	a.line++
	m := c.Nest(ipsetAttrData)
	if a.typ != bitmapPort {
		putEntryIP(c, dataIP, &e.ip)
	}
	if a.typ != hashIP {
		c.BE16(dataPort|netOrder, e.port)
	}
	switch a.typ {
	case hashIPPort:
		c.U8(dataProto, e.proto)
	case hashIPPortIP:
		c.U8(dataProto, e.proto)
		putEntryIP(c, dataIP2, &e.ip2)
	case hashIPPortNet:
		c.U8(dataProto, e.proto)
		putEntryIP(c, dataIP2, &e.ip2)
		c.U8(dataCIDR2, e.bits)
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

func putEntryIP(c *nlbatch.Conn, attr uint16, a *ip) {
	m := c.Nest(attr)
	if a.family == unix.AF_INET6 {
		c.Bytes(dataIPv6|netOrder, a.bytes())
	} else {
		c.Bytes(dataIPv4|netOrder, a.bytes())
	}
	c.Unnest(m)
}
