package socket

import (
	"context"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/ebpf/cgroup"
	"github.com/svcmark/svcmark/backends/ebpf/table"
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
	m, err := newMaps()
	if err != nil {
		return missing("maps of BPF (CONFIG_BPF_SYSCALL)", err)
	}
	defer m.close()
	t, err := table.New(ctx, table.Kind{}, &backends.State{}, new(table.Identities))
	if err != nil {
		return missing("maps of BPF that are written in batches", err)
	}
	defer t.Close()
	for _, h := range hooks() {
		p, err := m.load(t, h)
		if err != nil {
			return missing("BPF programs of cgroup/"+h.name+" with bpf_set_retval (CONFIG_CGROUP_BPF)", err)
		}
		p.Close()
	}
	return nil
}

func missing(feature string, err error) error { return table.Missing(feature, "5.18", err) }
