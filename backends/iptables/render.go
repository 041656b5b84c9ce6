package iptables

import "github.com/svcmark/svcmark/backends"

// Render implements backends.Renderer: the input of a full sync from empty, a
// Part a family. It is without nfacct, which a kernel may lack; a Sync counts
// some packets with it where it can.
func (b *Backend) Render(state *backends.State) ([]backends.Part, error) {
	if err := state.Check(); err != nil {
		return nil, err
	}
	var parts []backends.Part
	for _, f := range backends.Families() {
		if !state.Node.Programs(f) {
			continue
		}
		name := "iptables.rules"
		if f == backends.IPv6 {
			name = "ip6tables.rules"
		}
		parts = append(parts, backends.Part{
			Name:    name,
			Command: append([]string{b.variant.prefix(f) + "-restore"}, restoreArgs()...),
			Write:   newRuleset(f, state, space{}, nil, false).write,
		})
	}
	return parts, nil
}
