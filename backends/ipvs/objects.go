package ipvs

import (
	"context"
	"fmt"
	"slices"
)

// Objects counts what the kernel holds of the backend's, read back.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	counts, err := b.objects(ctx)
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	return counts, nil
}

func (b *Backend) objects(ctx context.Context) (map[string]int, error) {
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	defer k.close()
	counts := map[string]int{"virtual-servers": 0, "real-servers": 0, "set-entries": 0, "addresses": 0, "rules": 0, "chains": 0}
	servers, err := k.virtualServers()
	if err != nil {
		return nil, err
	}
	headers, err := k.setHeaders()
	if err != nil {
		return nil, err
	}
	node, err := k.node()
	if err != nil {
		return nil, err
	}
	counts["addresses"] = len(node.bound)
	for _, f := range families {
		// A family without sets is nobody's of ours.
		if !slices.ContainsFunc(f.sets[:], func(s string) bool { _, there := headers[s]; return there }) {
			continue
		}
		for _, s := range servers {
			if s.ours(f) {
				counts["virtual-servers"]++
				counts["real-servers"] += len(s.dests)
			}
		}
		for _, set := range f.sets {
			counts["set-entries"] += headers[set].elements
		}
		have, err := b.tables(f).read(ctx)
		if err != nil {
			return nil, err
		}
		counts["rules"] += have.rules
		counts["chains"] += len(have.chains)
	}
	return counts, nil
}
