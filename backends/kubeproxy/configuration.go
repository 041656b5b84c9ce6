package kubeproxy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Mode is one of kube-proxy's modes, in the spelling of its configuration.
type Mode string

// The modes.
const (
	IPTables Mode = "iptables"
	IPVS     Mode = "ipvs"
	NFTables Mode = "nftables"
)

// verbose is the verbosity at which kube-proxy says all that is waited for.
const verbose = 4

// terse is the least verbosity at which it still says that a sync is complete.
func (m Mode) terse() int {
	if m == IPVS {
		return verbose
	}
	return 2
}

// configuration is kube-proxy's defaults, but for knobs that a network namespace
// has not, a limit of requests that only costs time, syncs that nobody asked for,
// addresses that nobody else has, and the handler by which its verbosity can be
// changed while it runs.
func (c *Config) configuration(clusterCIDR, metrics, healthz string) string {
	periods := ""
	if c.MinSyncPeriod > 0 {
		periods = fmt.Sprintf("minSyncPeriod: %s, ", c.MinSyncPeriod)
	}
	periods += "syncPeriod: 1h"
	return fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: %s
clusterCIDR: %q
clientConnection: {qps: 1000, burst: 1000}
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
oomScoreAdj: 0
enableProfiling: true
metricsBindAddress: %[5]s
healthzBindAddress: %[6]s
iptables: {%[3]s}
ipvs: {%[3]s}
nftables: {%[3]s}
logging: {verbosity: %[4]d}
`, c.Mode, clusterCIDR, periods, verbose, metrics, healthz)
}

// environment is that of kube-proxy, in which the tools of dir come first.
func environment(dir string) []string {
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
}

// linkTools makes a variant's tools those that kube-proxy finds in dir as
// iptables.
func linkTools(dir, variant string) error {
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, suffix := range []string{"", "-save", "-restore"} {
			tool := family + strings.TrimPrefix(variant, "iptables") + suffix
			path, err := exec.LookPath(tool)
			if err != nil {
				return err
			}
			if path, err = filepath.EvalSymlinks(path); err != nil {
				return err
			}
			if err := os.Symlink(path, filepath.Join(dir, family+suffix)); err != nil {
				return err
			}
		}
	}
	return nil
}
