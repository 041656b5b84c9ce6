package ipvs

import (
	"context"
	"fmt"

	"github.com/svcmark/svcmark/backends"
)

// Cleanup removes kube-proxy's objects: the rules and chains of its IPVS mode,
// its sets, kube-ipvs0, and the virtual servers whose address is bound to
// kube-ipvs0 or whose VIP is in KUBE-CLUSTER-IP. Both are filled before a
// virtual server is made, so that a Sync that was interrupted leaves none
// behind. (kube-proxy's own cleanup removes every virtual server.) Sysctls
// stay as they are, as with kube-proxy.
func (b *Backend) Cleanup(ctx context.Context) error {
	if err := b.cleanup(ctx); err != nil {
		return fmt.Errorf("ipvs: cleanup: %w", err)
	}
	return nil
}

func (b *Backend) cleanup(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	k, err := openKernel()
	if err != nil {
		return err
	}
	defer k.close()
	headers, err := k.setHeaders()
	if err != nil {
		return err
	}
	index, kind, err := k.link(device)
	if err != nil {
		return err
	}
	if index != 0 && kind != "dummy" {
		return fmt.Errorf("%s is a device of kind %q, not kube-proxy's: remove it by hand", device, kind)
	}
	if err := k.cleanServers(index, headers); err != nil {
		return err
	}
	if index != 0 {
		if err := firstError(k.putLinkGone(index), k.route.Flush); err != nil {
			return name(err, routeObject)
		}
	}
	if err := b.iptables.cleanup(ctx); err != nil {
		return err
	}
	for _, s := range kubeSets {
		if _, there := headers[s.name]; !there {
			continue
		}
		if err := k.putSetCommand(ipsetDestroy, s.name); err != nil {
			return name(err, setObject)
		}
	}
	return name(k.sets.Flush(), setObject)
}

// cleanServers removes the virtual servers that are kube-proxy's.
func (k *kernel) cleanServers(index int32, headers map[string]setHeader) error {
	servers, err := k.virtualServers()
	if err != nil || len(servers) == 0 {
		return err
	}
	var bound map[boundAddr]struct{}
	if index != 0 {
		if bound, err = k.addrs(index); err != nil {
			return err
		}
	}
	var listed map[entry]struct{}
	if headers[setClusterIP].elements > 0 {
		if listed, err = k.entries(setClusterIP); err != nil {
			return err
		}
	}
	for _, s := range servers {
		_, isBound := bound[boundAddr{s.addr, 32}]
		_, isListed := listed[entry{ip: s.addr, port: s.port, proto: s.proto}]
		if !s.ours() || !isBound && !isListed {
			continue
		}
		if err := k.putVirtualServerGone(s.vip); err != nil {
			return name(err, ipvsObject)
		}
	}
	return name(k.ipvs.Flush(), ipvsObject)
}

// Objects counts what the kernel holds of the backend's, read back.
func (b *Backend) Objects(ctx context.Context) (map[string]int, error) {
	k, err := openKernel()
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	defer k.close()
	counts := map[string]int{"virtual-servers": 0, "real-servers": 0, "set-entries": 0, "addresses": 0}
	servers, err := k.virtualServers()
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	for _, s := range servers {
		if s.ours() {
			counts["virtual-servers"]++
			counts["real-servers"] += len(s.dests)
		}
	}
	headers, err := k.setHeaders()
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	for _, s := range kubeSets {
		counts["set-entries"] += headers[s.name].elements
	}
	if index, _, err := k.link(device); err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	} else if index != 0 {
		bound, err := k.addrs(index)
		if err != nil {
			return nil, fmt.Errorf("ipvs: %w", err)
		}
		counts["addresses"] = len(bound)
	}
	have, err := b.iptables.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("ipvs: %w", err)
	}
	counts["rules"], counts["chains"] = have.rules, len(have.chains)
	return counts, nil
}

var _ backends.Backend = (*Backend)(nil)
