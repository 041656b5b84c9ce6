package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/image"
)

// Options say which machine a Lab makes. The zero Options are right for almost
// everybody.
type Options struct {
	// Clock is the clock that workers read; "" is lab.Virtual. lab.Wall needs KVM: an
	// instruction translator's wall clock would show nothing but itself.
	Clock lab.Clock

	// Kernel and Modules name a kernel (vmlinuz or vmlinux) and its directory below
	// /lib/modules. Without them Release asks for a release by its name, and
	// without that any of the cache, the distribution or the machine will do.
	Kernel, Modules, Release string

	MemoryMiB int // of a guest; 0 is DefaultMemoryMiB
	CPUs      int // of a guest with KVM; 0 is up to 4 of the machine's. In the virtual clock there is one

	// Tools are what of this machine goes into the guest; nil is image.Tools().
	Tools []image.Tool
	// Load are patterns of the modules that are loaded before anything is
	// measured; nil is DefaultLoad().
	Load []string

	// Executable is the static program that becomes the guest's init and its
	// workers; "" is this one.
	Executable string
	QEMU       string // program; "" is qemu-system-x86_64
	Cache      string // directory; "" is svcmark in os.UserCacheDir

	// Timeout is how long a guest may say nothing, in real time, before it counts
	// as hung; 0 is DefaultTimeout.
	Timeout time.Duration
	// Log is told what takes long, a line at a time; nil is nobody. It may be
	// called from several goroutines.
	Log func(string)
}

// What Options leave open.
const (
	DefaultMemoryMiB = 1024
	DefaultTimeout   = 5 * time.Minute
)

// DefaultLoad gives the modules that any of the backends and topologies uses. Those
// that a kernel does not have are passed over: the probe of the backend that
// needs one will say so.
func DefaultLoad() []string {
	return []string{
		"crc32c_generic", // libcrc32c asks for it by an alias
		"veth", "dummy", "bridge", "vxlan", "ifb", "tun",
		"nf_conntrack", "nf_conntrack_netlink", "nf_nat", "nfnetlink", "nfnetlink_acct", "nfnetlink_log", "nf_log_syslog",
		"x_tables", "ip_tables", "iptable_*", "ip6_tables", "ip6table_*", "ipt_REJECT", "ip6t_REJECT", "xt_*",
		"nf_tables", "nft_*", "nf_flow_table*",
		"ip_set", "ip_set_*",
		"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_lc", "ip_vs_wlc", "ip_vs_lblc", "ip_vs_lblcr", "ip_vs_sh", "ip_vs_dh",
		"ip_vs_sed", "ip_vs_nq", "ip_vs_fo", "ip_vs_ovf", "ip_vs_mh", "ip_vs_twos",
		"sch_*", "cls_*", "act_*",
		"inet_diag", "tcp_diag", "udp_diag", "sctp",
	}
}

// complete fills in what was left open, and refuses what cannot be.
func (o Options) complete() (Options, error) {
	if o.Clock == "" {
		o.Clock = lab.Virtual
	}
	if o.Clock != lab.Virtual && o.Clock != lab.Wall {
		return o, fmt.Errorf("the vm lab has no clock %q: it has %q and %q", o.Clock, lab.Virtual, lab.Wall)
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = DefaultMemoryMiB
	}
	if o.MemoryMiB < 256 || o.MemoryMiB > 1<<20 {
		return o, fmt.Errorf("a guest cannot have %d MiB of memory: at least 256 are needed", o.MemoryMiB)
	}
	if o.CPUs == 0 {
		o.CPUs = min(4, runtime.NumCPU())
	}
	if o.CPUs < 1 || o.CPUs > 64 {
		return o, fmt.Errorf("a guest cannot have %d CPUs", o.CPUs)
	}
	if o.Clock == lab.Virtual {
		o.CPUs = 1
	}
	if o.Tools == nil {
		o.Tools = image.Tools()
	}
	if o.Load == nil {
		o.Load = DefaultLoad()
	}
	if o.Executable == "" {
		exe, err := os.Executable()
		if err != nil {
			return o, err
		}
		o.Executable = exe
	}
	if o.QEMU == "" {
		o.QEMU = "qemu-system-x86_64"
	}
	if o.Cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("the cache: %w", err)
		}
		o.Cache = filepath.Join(dir, "svcmark")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	return o, nil
}
