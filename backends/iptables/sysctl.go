package iptables

import (
	"fmt"
	"os"
	"strings"
)

// The sysctls that kube-proxy looks at; both belong to the network namespace.
const (
	routeLocalnet = "/proc/sys/net/ipv4/conf/all/route_localnet"
	tcpLiberal    = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal"
)

// ensureRouteLocalnet lets 127.0.0.1 lead to NodePorts, kube-proxy's default.
// Like kube-proxy, nothing sets it back: its former value is nobody's to know.
func ensureRouteLocalnet() error {
	value, err := os.ReadFile(routeLocalnet)
	if err == nil && strings.TrimSpace(string(value)) == "1" {
		return nil
	}
	if err := os.WriteFile(routeLocalnet, []byte("1"), 0); err != nil {
		return fmt.Errorf("setting net.ipv4.conf.all.route_localnet: %w", err)
	}
	return nil
}

// isTCPLiberal reports whether conntrack takes TCP segments that are out of
// window. The sysctl is not there before conntrack is, and then it is off.
func isTCPLiberal() bool {
	value, err := os.ReadFile(tcpLiberal)
	return err == nil && strings.TrimSpace(string(value)) != "0"
}
