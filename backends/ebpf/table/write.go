package table

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf"
)

// atOnce is how many elements of a map are written by one system call.
const atOnce = 4096

// writes are elements to write: what is led to before what leads there.
type writes struct {
	endpoints pairs[uint32, Endpoint]
	blocks    pairs[uint32, Block]
	members   pairs[Member, uint8]
	ranges    []Range
	frontends pairs[uint32, Target]
	services  pairs[Frontend, uint32]
}

// newWrites has room for so many elements.
func newWrites(z sizes) *writes {
	return &writes{
		endpoints: newPairs[uint32, Endpoint](z.endpoints), blocks: newPairs[uint32, Block](z.blocks),
		members: newPairs[Member, uint8](z.members), frontends: newPairs[uint32, Target](z.frontends),
		services: newPairs[Frontend, uint32](z.frontends),
	}
}

func (w *writes) flush(ctx context.Context, t *Tables) error {
	if err := w.endpoints.write(ctx, t.endpoints); err != nil {
		return err
	}
	if err := w.blocks.write(ctx, t.blocks); err != nil {
		return err
	}
	if err := w.members.write(ctx, t.members); err != nil {
		return err
	}
	for i := range w.ranges { // few; not every kernel writes tries in batches
		if err := t.ranges.Put(&w.ranges[i], uint8(1)); err != nil {
			return fmt.Errorf("writing a source range: %w", err)
		}
	}
	if err := w.frontends.write(ctx, t.frontends); err != nil {
		return err
	}
	return w.services.write(ctx, t.services)
}

// pairs are elements of a map.
type pairs[K, V any] struct {
	keys   []K
	values []V
}

func newPairs[K, V any](room int) pairs[K, V] {
	return pairs[K, V]{make([]K, 0, room), make([]V, 0, room)}
}

func (p *pairs[K, V]) put(k K, v V) { p.keys, p.values = append(p.keys, k), append(p.values, v) }

func (p *pairs[K, V]) write(ctx context.Context, m *ebpf.Map) error {
	for i := 0; i < len(p.keys); i += atOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := min(i+atOnce, len(p.keys))
		if _, err := m.BatchUpdate(p.keys[i:end], p.values[i:end], nil); err != nil {
			return fmt.Errorf("writing %d elements to %s: %w", end-i, m, err)
		}
	}
	return nil
}
