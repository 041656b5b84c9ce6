package ipvs

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends/ipvs/nlbatch"
)

// kernel is our three ways into the kernel, for the network namespace of the
// thread that opened it.
type kernel struct {
	ipvs   *nlbatch.Conn // generic netlink, family "IPVS"
	family uint16        // of ipvs, assigned by the kernel; 0 when IPVS is missing
	sets   *nlbatch.Conn // nfnetlink, subsystem ipset
	route  *nlbatch.Conn // rtnetlink
}

// openKernel opens the sockets. A kernel without IPVS is no error: family is 0.
func openKernel() (_ *kernel, err error) {
	k := &kernel{}
	defer func() {
		if err != nil {
			k.close()
		}
	}()
	for _, s := range []struct {
		conn     **nlbatch.Conn
		protocol int
	}{{&k.ipvs, unix.NETLINK_GENERIC}, {&k.sets, unix.NETLINK_NETFILTER}, {&k.route, unix.NETLINK_ROUTE}} {
		if *s.conn, err = nlbatch.Dial(s.protocol); err != nil {
			return nil, err
		}
	}
	k.family, err = ipvsFamily(k.ipvs)
	return k, err
}

func (k *kernel) close() {
	for _, c := range []*nlbatch.Conn{k.ipvs, k.sets, k.route} {
		if c != nil {
			_ = c.Close()
		}
	}
}

// ipvsFamily asks for the number of the generic netlink family, 0 for none.
func ipvsFamily(c *nlbatch.Conn) (family uint16, err error) {
	c.Begin(unix.GENL_ID_CTRL, 0)
	c.Raw(unix.CTRL_CMD_GETFAMILY, 1, 0, 0)
	c.String(unix.CTRL_ATTR_FAMILY_NAME, "IPVS")
	err = c.Query(func(_ uint16, payload []byte) error {
		if len(payload) < genlHeaderLen {
			return nlbatch.ErrMalformed
		}
		return nlbatch.EachAttr(payload[genlHeaderLen:], func(typ uint16, v []byte) error {
			if typ != unix.CTRL_ATTR_FAMILY_ID {
				return nil
			}
			family = nlbatch.U16(v)
			return io.EOF
		})
	})
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	if err != nil {
		err = fmt.Errorf("asking for the IPVS netlink family: %w", err)
	}
	return family, err
}

// dumpTries bounds how often a dump is tried that changes interrupt.
const dumpTries = 5

// dump runs a query again while a change interrupts it.
func dump(query func() error) error {
	err := nlbatch.ErrInterrupted
	for i := 0; i < dumpTries && errors.Is(err, nlbatch.ErrInterrupted); i++ {
		err = query()
	}
	return err
}

// name turns refusals into an error that names the first refused object.
func name(err error, object func(nlbatch.Refusal) string) error {
	batch, ok := errors.AsType[*nlbatch.BatchError](err)
	if !ok || len(batch.Refusals) == 0 {
		return err
	}
	err = fmt.Errorf("%s: %w", object(batch.Refusals[0]), batch.Refusals[0])
	if batch.Count > 1 {
		err = fmt.Errorf("%w; %d more objects were refused", err, batch.Count-1)
	}
	if batch.Lost {
		err = fmt.Errorf("%w; more may be unreported", err)
	}
	return err
}
