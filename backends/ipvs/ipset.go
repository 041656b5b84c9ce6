package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

// setHeader is what the kernel says about a set without its entries.
type setHeader struct {
	typ      string
	elements int
}

// setHeaders reads every set's header, of all sets of the namespace.
func (k *kernel) setHeaders() (headers map[string]setHeader, err error) {
	err = dump(func() error {
		headers = make(map[string]setHeader)
		beginIPSet(k.sets, ipsetList, unix.NLM_F_DUMP)
		k.sets.BE32(ipsetAttrFlags|netOrder, listHeaderOnly)
		return k.sets.Query(func(_ uint16, payload []byte) error {
			l, err := parseSetList(payload, nil)
			headers[l.name] = l.setHeader
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sets: %w", setError(err))
	}
	return headers, nil
}

// entries reads the entries of one set, after what waits to be sent.
func (k *kernel) entries(set string) (entries map[entry]struct{}, err error) {
	if err := k.sets.Flush(); err != nil {
		return nil, name(err, setObject)
	}
	err = dump(func() error {
		entries = make(map[entry]struct{})
		beginIPSet(k.sets, ipsetList, unix.NLM_F_DUMP)
		k.sets.String(ipsetAttrName, set)
		return k.sets.Query(func(_ uint16, payload []byte) error {
			_, err := parseSetList(payload, func(e entry, _ uint32) error {
				entries[e] = struct{}{}
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading set %s: %w", set, setError(err))
	}
	return entries, nil
}

// setList is one message about a set: a header, some entries, or both.
type setList struct {
	name string
	line uint32
	setHeader
}

// parseSetList reads the payload of an ipset message: what the kernel lists,
// and our own requests.
func parseSetList(payload []byte, visit func(e entry, line uint32) error) (l setList, err error) {
	if len(payload) < nfgenLen {
		return l, fmt.Errorf("%w: ipset message of %d bytes", nlbatch.ErrMalformed, len(payload))
	}
	err = nlbatch.EachAttr(payload[nfgenLen:], func(typ uint16, v []byte) error {
		switch typ {
		case ipsetAttrName:
			l.name = nlbatch.Text(v)
		case ipsetAttrType:
			l.typ = nlbatch.Text(v)
		case ipsetAttrLine:
			l.line = nlbatch.U32(v)
		case ipsetAttrData:
			return nlbatch.EachAttr(v, func(typ uint16, v []byte) error {
				if typ == dataElements {
					l.elements = int(nlbatch.BE32(v))
				}
				return nil
			})
		case ipsetAttrADT:
			if visit == nil {
				return nil
			}
			return nlbatch.EachAttr(v, func(_ uint16, v []byte) error {
				e, line, err := parseEntry(v)
				if err != nil {
					return err
				}
				return visit(e, line)
			})
		}
		return nil
	})
	return l, err
}

func parseEntry(b []byte) (e entry, line uint32, err error) {
	err = nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case dataIP:
			return parseEntryIP(v, &e.ip)
		case dataIP2:
			return parseEntryIP(v, &e.ip2)
		case dataPort:
			e.port = nlbatch.BE16(v)
		case dataProto:
			e.proto = nlbatch.U8(v)
		case dataLine:
			line = nlbatch.U32(v)
		}
		return nil
	})
	return e, line, err
}

func parseEntryIP(b []byte, ip *[4]byte) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		if typ == dataIPv4 {
			*ip = nlbatch.Addr(v)
		}
		return nil
	})
}

// setObject names what a refused request was about: for many entries in one,
// the entry at the line that the kernel wrote into its copy.
func setObject(r nlbatch.Refusal) string {
	if len(r.Request) < unix.NLMSG_HDRLEN+nfgenLen {
		return "an ipset request"
	}
	request := r.Request
	var line uint32
	if len(r.Echo) >= unix.NLMSG_HDRLEN+nfgenLen {
		echoed, _ := parseSetList(r.Echo[unix.NLMSG_HDRLEN:], nil)
		line = echoed.line
	}
	var refused string
	l, _ := parseSetList(request[unix.NLMSG_HDRLEN:], func(e entry, at uint32) error {
		if at != line {
			return nil
		}
		typ := hashIPPort
		switch {
		case e.port == 0:
			typ = hashIP
		case e.ip2 != [4]byte{}:
			typ = hashIPPortIP
		}
		refused = " entry " + e.text(typ)
		return io.EOF
	})
	verb := map[uint16]string{ipsetCreate: "creating", ipsetDestroy: "destroying", ipsetFlush: "flushing", ipsetAdd: "adding to", ipsetDel: "removing from"}[binary.NativeEndian.Uint16(request[4:])&0xff]
	s := fmt.Sprintf("%s set %s%s", verb, l.name, refused)
	if w := setErrno(r.Errno); w != "" {
		s += ": " + w
	}
	return s
}

// setErrno says what an errno of ipset's own means, "" for the system's.
func setErrno(e unix.Errno) string {
	return map[unix.Errno]string{
		4097: "the kernel speaks another version of ipset's protocol",
		4098: "the kernel lacks the set type (modprobe ip_set_hash_ipport and its like)",
		4099: "the kernel has no room for another set",
		4100: "the set is in use by a rule",
		4102: "the set exists with another type",
		4103: "it exists already",
		4352: "the set is full",
	}[e]
}

func setError(err error) error {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		if w := setErrno(errno); w != "" {
			return fmt.Errorf("%s (%w)", w, err)
		}
	}
	return err
}
