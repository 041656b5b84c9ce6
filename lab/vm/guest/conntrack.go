package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// What kube-proxy 1.36 gives a node of one CPU by default (pkg/proxy/apis/config,
// KubeProxyConntrackConfiguration.Min), and a bucket for every four connections
// (cmd/kube-proxy/app, realConntracker.SetMax).
const (
	connections = 128 * 1024
	buckets     = connections / 4
)

// sizeConntrack makes the table of connections as large as kube-proxy makes it.
// By itself the kernel takes the guest's memory for a small machine's and holds
// 8,192: a few thousand probes fill that, and then it drops what is new.
// A kernel without connection tracking is left as it is.
func sizeConntrack() error {
	for _, s := range []struct {
		name  string
		value int
	}{{"nf_conntrack_buckets", buckets}, {"nf_conntrack_max", connections}} {
		err := os.WriteFile("/proc/sys/net/netfilter/"+s.name, []byte(strconv.Itoa(s.value)), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("making room for %d connections: %w", connections, err)
		}
	}
	return nil
}
