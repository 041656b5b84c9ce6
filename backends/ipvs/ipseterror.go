package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

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
	l, _ := parseSetList(request[unix.NLMSG_HDRLEN:], nil)
	if f, id := familyOfSet(l.name); f != nil {
		_, _ = parseSetList(request[unix.NLMSG_HDRLEN:], func(e entry, at uint32) error {
			if at != line {
				return nil
			}
			refused = " entry " + e.text(kubeSets[id].typ)
			return io.EOF
		})
	}
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
