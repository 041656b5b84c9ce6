package kubeproxy

import (
	"fmt"
	"slices"
	"strings"
)

// CheckFlags refuses a flag that svcmark sets itself, that ends kube-proxy, or that
// kube-proxy silently ignores beside a configuration file, which svcmark always gives
// it (cmd/kube-proxy/app/options.go of 1.36: Complete takes the flags of logging, and
// the host's name, and else the file). A flag that is unknown is for kube-proxy to
// refuse: builds have their own.
func CheckFlags(flags []string) error {
	for _, flag := range flags {
		name, _, _ := strings.Cut(strings.TrimLeft(flag, "-"), "=")
		switch {
		case !strings.HasPrefix(flag, "-") || name == "":
			return fmt.Errorf("%q is no flag; want one such as --vmodule=proxier=5, with its value behind a =", flag)
		case strings.ContainsFunc(flag, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return fmt.Errorf("the flag %q holds a control character", flag)
		case slices.Contains(ownFlags(), name):
			return fmt.Errorf("the flag --%s is svcmark's to set; leave it out", name)
		case slices.Contains(ignoredFlags(), name):
			return fmt.Errorf("kube-proxy ignores the flag --%s beside a configuration file, which svcmark gives it; say the same in a KubeProxyConfiguration", name)
		}
	}
	return nil
}

// ownFlags are those that svcmark sets, or that make of kube-proxy a program that does
// its work and ends.
func ownFlags() []string {
	return []string{
		"config", "master", "hostname-override", "kubeconfig", "v",
		"cleanup", "init-only", "write-config-to", "version", "help", "h",
	}
}

// ignoredFlags are those of kube-proxy 1.36 whose values a configuration file replaces.
func ignoredFlags() []string {
	return []string{
		"bind-address", "bind-address-hard-fail", "cluster-cidr", "config-sync-period", "conntrack-max-per-core", "conntrack-min",
		"conntrack-tcp-be-liberal", "conntrack-tcp-timeout-close-wait", "conntrack-tcp-timeout-established", "conntrack-udp-timeout",
		"conntrack-udp-timeout-stream", "detect-local-mode", "feature-gates", "healthz-bind-address", "healthz-port",
		"iptables-localhost-nodeports", "iptables-masquerade-bit", "iptables-min-sync-period", "iptables-sync-period",
		"ipvs-exclude-cidrs", "ipvs-min-sync-period", "ipvs-scheduler", "ipvs-strict-arp", "ipvs-sync-period", "ipvs-tcp-timeout",
		"ipvs-tcpfin-timeout", "ipvs-udp-timeout", "kube-api-burst", "kube-api-content-type", "kube-api-qps", "masquerade-all",
		"metrics-bind-address", "metrics-port", "nodeport-addresses", "oom-score-adj", "pod-bridge-interface",
		"pod-interface-name-prefix", "profiling", "proxy-mode", "show-hidden-metrics-for-version",
	}
}
