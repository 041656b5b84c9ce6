package lab

import (
	"fmt"
	"os"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// quiet sets what every namespace of a lab needs before it has links: packets
// are forwarded, sources are not second-guessed, and IPv6 sends nothing of its
// own accord, since a router solicitation in the middle of a measurement is
// noise. All of these belong to the calling thread's network namespace; there
// is no knob here that the host shares.
func quiet() error {
	return sysctls(map[string]string{
		"net/ipv4/ip_forward":                        "1",
		"net/ipv4/conf/all/rp_filter":                "0",
		"net/ipv4/conf/default/rp_filter":            "0",
		"net/ipv4/icmp_ratelimit":                    "0",
		"net/ipv6/icmp/ratelimit":                    "0",
		"net/ipv6/conf/default/accept_dad":           "0",
		"net/ipv6/conf/default/router_solicitations": "0",
		"net/ipv6/conf/default/addr_gen_mode":        "1", // no link-local address
	})
}

// switchIPv6 makes the calling thread's namespace one that forwards IPv6, or one of a
// kernel that has it switched off, as kube-proxy finds out: a node is of the
// families that its addresses are. Only a topology that has IPv6 forwards it: the
// kernel joins groups on every link for it.
func switchIPv6(on bool) error {
	if !on {
		return sysctls(map[string]string{"net/ipv6/conf/all/disable_ipv6": "1"})
	}
	for _, knob := range []struct{ key, value string }{{"disable_ipv6", "0"}, {"forwarding", "1"}} {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/all/"+knob.key, []byte(knob.value), 0)
		if os.IsNotExist(err) {
			return &backends.NotSupportedError{Feature: "IPv6", Err: err, Mend: "boot without ipv6.disable=1, or use --lab vm"}
		}
		if err != nil {
			return fmt.Errorf("switching IPv6 on: %w", err)
		}
	}
	return nil
}

func sysctls(values map[string]string) error {
	for key, value := range values {
		err := os.WriteFile("/proc/sys/"+key, []byte(value), 0)
		if os.IsNotExist(err) && strings.HasPrefix(key, "net/ipv6/") {
			continue // a kernel without IPv6 sends none
		}
		if err != nil {
			return fmt.Errorf("setting %s to %s: %w", strings.ReplaceAll(key, "/", "."), value, err)
		}
	}
	return nil
}
