package iptables

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The nfnetlink_acct messages (linux/netfilter/nfnetlink_acct.h).
const (
	acctNew    = 0
	acctDelete = 3
	acctName   = 1
)

// ensureCounters makes kube-proxy's nfacct objects and reports whether the
// kernel has them. kube-proxy does without when it has not, and so do we.
func ensureCounters() bool {
	for _, name := range [...]string{invalidCounter, localhostCounter} {
		err := acct(acctNew, unix.NLM_F_CREATE, name)
		// EBUSY: it is there already.
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return false
		}
	}
	return true
}

// removeCounters removes the objects. A kernel without nfacct has none; it
// answers EINVAL, or EOPNOTSUPP, for a subsystem that it does not know.
func removeCounters() error {
	for _, name := range [...]string{invalidCounter, localhostCounter} {
		err := acct(acctDelete, 0, name)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("removing the nfacct object %s: %w", name, err)
		}
	}
	return nil
}

func acct(message, flags int, name string) error {
	r := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_ACCT<<8|message, unix.NLM_F_ACK|flags)
	r.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_UNSPEC, Version: nl.NFNETLINK_V0})
	r.AddData(nl.NewRtAttr(acctName, nl.ZeroTerminated(name)))
	_, err := r.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}
