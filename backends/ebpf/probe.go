package ebpf

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
)

// Probe implements backends.Backend: it makes the maps, has the kernel verify
// every program, and mounts the control groups. It attaches nothing.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tree, err := cgroup.Open()
	if err != nil {
		return err
	}
	tree.Close()
	s, err := newShared()
	if err != nil {
		return missing("maps of BPF (CONFIG_BPF_SYSCALL)", err)
	}
	defer s.close()
	t, err := newTables(ctx, s, &backends.State{}, new(identities))
	if err != nil {
		return missing("maps of BPF that are written in batches", err)
	}
	defer t.close()
	for _, h := range hooks() {
		code := t.translate
		if h.back {
			code = s.restore
		}
		p, err := h.load(code(h.six))
		if err != nil {
			return missing("BPF programs of cgroup/"+h.name+" with bpf_set_retval (CONFIG_CGROUP_BPF)", err)
		}
		p.Close()
	}
	return nil
}

func missing(feature string, err error) error {
	e := &backends.NotSupportedError{Feature: feature, Kernel: backends.KernelRelease(), Err: err, Mend: "use kernel 5.18 or later, or --lab vm"}
	if errors.Is(err, unix.EPERM) {
		e.Mend = "run as root outside of user namespaces (CAP_BPF, CAP_NET_ADMIN), or use --lab vm"
	}
	return e
}
