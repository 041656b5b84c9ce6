package nftables

import (
	"io"

	"github.com/svcmark/svcmark/backends"
)

// Render implements backends.Renderer: one script a family that is programmed, as a Sync over an
// empty kernel gives it to nft.
func (b *Backend) Render(state *backends.State) ([]backends.Part, error) {
	if err := state.Check(); err != nil {
		return nil, err
	}
	var parts []backends.Part
	for _, of := range backends.Families() {
		f := newFamily(of, &state.Node, b.layout)
		if !state.Node.Programs(of) {
			continue
		}
		parts = append(parts, backends.Part{
			Name:    f.ip + "-" + tableName + ".nft",
			Command: []string{"nft", "-f", "-"},
			Write: func(w io.Writer) error {
				s := newScript(f)
				f.full(s, state, nil, nil)
				_, err := w.Write(s.b)
				return err
			},
		})
	}
	return parts, nil
}
