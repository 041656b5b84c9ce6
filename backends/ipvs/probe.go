package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/conntrack"
)

const labAdvice = ", or run in a VM: --lab vm"

// notSupported is a feature of the running kernel that is missing.
func notSupported(feature, mend string, err error) error {
	return &backends.NotSupportedError{Feature: feature, Kernel: backends.KernelRelease(), Mend: mend, Err: err}
}

// noIPVS names the scheduler's module too: with it comes ip_vs.
func (b *Backend) noIPVS() error {
	m := module(b.scheduler)
	return notSupported("IPVS (modules ip_vs and "+m+")", "modprobe "+m+labAdvice, nil)
}

// needFamily refuses what this machine lacks for a family: Probe knows of no state,
// and a state of IPv4 alone needs none of it.
func (b *Backend) needFamily(f *family) error {
	if f.af != unix.AF_INET6 {
		return nil
	}
	if _, err := os.Stat("/proc/net/if_inet6"); err != nil {
		return notSupported("IPv6", "boot without ipv6.disable=1"+labAdvice, err)
	}
	program := b.tables(f).name + "-restore"
	if _, err := exec.LookPath(program); err != nil {
		return &backends.NotSupportedError{Feature: "program " + program, Mend: "apt-get install iptables", Err: err}
	}
	return nil
}

// Probe tries each thing that Sync needs, and takes back what it made. The
// kernel may load modules for it.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, program := range b.programs() {
		if _, err := exec.LookPath(program); err != nil {
			return &backends.NotSupportedError{Feature: "program " + program, Mend: "apt-get install iptables ipset", Err: err}
		}
	}
	k, err := openKernel()
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return notSupported("netfilter's netlink (modules nfnetlink, ip_set, ip_vs)", "modprobe -a nfnetlink ip_set ip_vs"+labAdvice, err)
	}
	if err != nil {
		return notSupported("netlink", "run as root, or in a network namespace of one's own", err)
	}
	defer k.close()
	if k.family == 0 {
		return b.noIPVS()
	}
	for _, try := range []func() error{
		func() error { return b.tryScheduler(k) },
		k.tryDummy,
		b.trySysctls,
		k.trySetTypes,
		tryConntrack,
		func() error { return b.tryRules(ctx, k) },
	} {
		if err := try(); err != nil {
			return err
		}
	}
	return nil
}

// programs are what the path runs.
func (b *Backend) programs() []string {
	p := []string{b.iptables + "-save", b.iptables + "-restore"}
	if b.path == KubeProxy {
		p = append(p, b.iptables, "ipset")
	}
	return p
}

// tryScheduler makes a virtual server of an address that documentation alone
// may use (RFC 5737), as kube-proxy's own check does.
func (b *Backend) tryScheduler(k *kernel) error {
	v := vip{ip: ipOf(netip.AddrFrom4([4]byte{198, 51, 100, 0})), port: 20000, proto: unix.IPPROTO_TCP}
	err := firstError(k.putVirtualServer(cmdNewService, v, b.service(families[0], &server{vip: v})), k.ipvs.Flush)
	switch {
	case errors.Is(err, unix.EEXIST):
		return nil
	case errors.Is(err, unix.ENOENT):
		return notSupported(fmt.Sprintf("IPVS scheduler %q (module %s)", b.scheduler, module(b.scheduler)), "modprobe "+module(b.scheduler)+labAdvice+" whose --kernel has it", nil)
	case errors.Is(err, unix.EPERM):
		return notSupported("the right to program IPVS (CAP_NET_ADMIN)", "run as root, or in a network namespace of one's own", err)
	case err != nil:
		return name(err, ipvsObject)
	}
	return name(firstError(k.putVirtualServerGone(v), k.ipvs.Flush), ipvsObject)
}

func (k *kernel) tryDummy() error {
	const probe = "svcmark-probe0"
	err := firstError(k.putDummy(probe), k.route.Flush)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return notSupported("the dummy network device (module dummy)", "modprobe dummy"+labAdvice, nil)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return name(err, routeObject)
	}
	index, _, err := k.link(probe)
	if err != nil {
		return err
	}
	return name(firstError(k.putLinkGone(index), k.route.Flush), routeObject)
}

func (b *Backend) trySysctls() error {
	for _, s := range sysctls(backends.KernelRelease()) {
		f, err := os.OpenFile(filepath.Join(string(b.sysctls), s.name), os.O_WRONLY, 0)
		if err != nil {
			mend := "run as root with /proc/sys writable" + labAdvice
			if errors.Is(err, fs.ErrNotExist) {
				// ip_vs hides its settings from namespaces of unprivileged users.
				mend = "run as root, outside of a user namespace" + labAdvice
			}
			return notSupported("sysctl "+s.name, mend, err)
		}
		_ = f.Close()
	}
	return nil
}

func tryConntrack() error {
	if err := conntrack.Probe(); err != nil {
		return notSupported("conntrack over netlink", "modprobe nf_conntrack_netlink"+labAdvice, err)
	}
	return nil
}

func (k *kernel) trySetTypes() error {
	for _, t := range setTypes {
		if _, err := k.revision(t.typ); err != nil {
			return notSupported("ipset with "+t.typ, "modprobe -a ip_set_hash_ip ip_set_hash_ipport ip_set_hash_ipportip ip_set_hash_ipportnet ip_set_bitmap_port"+labAdvice, err)
		}
	}
	return nil
}

// tryRules puts one rule of each match and target in chains that nothing jumps
// to.
func (b *Backend) tryRules(ctx context.Context, k *kernel) error {
	const set = "SVCMARK-PROBE"
	r, err := k.revision(hashIPPort)
	if err != nil {
		return err
	}
	if err := firstError(k.putSet(set, hashIPPort, unix.AF_INET, r), k.sets.Flush); err != nil {
		return name(err, setObject)
	}
	tables := b.tables(families[0])
	const chainName = "SVCMARK-PROBE"
	err = tables.restore(ctx, "*nat\n:"+chainName+" - [0:0]\n"+
		"-A "+chainName+" -m set --match-set "+set+" dst,dst -j MARK --or-mark "+mark+"\n"+
		"-A "+chainName+" -m addrtype --dst-type LOCAL -m mark --mark "+mark+"/"+mark+" -j RETURN\n"+
		"-A "+chainName+" -m physdev ! --physdev-is-in -j ACCEPT\n"+
		"-A "+chainName+` -m comment --comment "svcmark probe" -j MASQUERADE --random-fully`+"\nCOMMIT\n"+
		"*filter\n:"+chainName+" - [0:0]\n"+
		"-A "+chainName+" -m ipvs --vaddr 198.51.100.0 --vproto tcp --vport 20000 -j DROP\n"+
		"-A "+chainName+" -m conntrack --ctstate NEW -j REJECT\nCOMMIT\n")
	if err != nil {
		err = notSupported(tables.name+" with nat and the matches set, addrtype, comment, conntrack, ipvs, mark and physdev",
			"modprobe -a ip_tables iptable_nat iptable_filter xt_set xt_addrtype xt_comment xt_conntrack xt_ipvs xt_mark xt_physdev xt_MASQUERADE ipt_REJECT"+labAdvice, err)
	} else {
		err = tables.restore(ctx, "*nat\n-F "+chainName+"\n-X "+chainName+"\nCOMMIT\n*filter\n-F "+chainName+"\n-X "+chainName+"\nCOMMIT\n")
	}
	if gone := name(firstError(k.putSetCommand(ipsetDestroy, set), k.sets.Flush), setObject); err == nil {
		err = gone
	}
	return err
}
