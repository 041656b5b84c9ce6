package ipvs

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

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
		case dataCIDR2:
			e.bits = nlbatch.U8(v)
		case dataLine:
			line = nlbatch.U32(v)
		}
		return nil
	})
	return e, line, err
}

func parseEntryIP(b []byte, a *ip) error {
	return nlbatch.EachAttr(b, func(typ uint16, v []byte) error {
		switch typ {
		case dataIPv4:
			*a = parseIP(unix.AF_INET, v)
		case dataIPv6:
			*a = parseIP(unix.AF_INET6, v)
		}
		return nil
	})
}
