package conformance

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace of its own, for one kube-proxy. It has no name
// and goes with the last process in it.
type namespace struct{ handle netns.NsHandle }

func newNamespace() (*namespace, error) {
	n := new(namespace)
	err := onFreshThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		n.handle, err = netns.Get()
		return err
	})
	return n, err
}

// do runs fn in the namespace, on a thread that ends with it. Programs that fn
// starts and sockets that it opens are in the namespace, too, and stay there;
// goroutines that it starts are not.
func (n *namespace) do(fn func() error) error {
	return onFreshThread(func() error {
		if err := netns.Set(n.handle); err != nil {
			return fmt.Errorf("entering the network namespace: %w", err)
		}
		return fn()
	})
}

func (n *namespace) close() error { return n.handle.Close() }

func onFreshThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		done <- fn()
	}()
	return <-done
}

// The node's link. Its far end lies in the same namespace: nothing is ever sent.
const (
	uplink    = "eth0"
	uplinkFar = "far0"
)

// SetUpNode gives the calling thread's network namespace what kube-proxy finds on
// a node: loopback, forwarding, a link with the node's addresses, and default
// routes. A node without an IPv6 address is one whose kernel has IPv6 switched
// off. What an earlier call made is replaced.
func SetUpNode(addrs []netip.Addr) error {
	off, families := "1", []int{32}
	if slices.ContainsFunc(addrs, netip.Addr.Is6) {
		off, families = "0", []int{32, 128}
	}
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/all/disable_ipv6", []byte(off), 0); err != nil {
		return fmt.Errorf("switching IPv6: %w", err)
	}
	for key, value := range map[string]string{
		"net/ipv4/ip_forward":                        "1",
		"net/ipv6/conf/all/forwarding":               "1",
		"net/ipv6/conf/default/addr_gen_mode":        "1", // no link-local address, which would be one of the node's
		"net/ipv6/conf/default/accept_dad":           "0",
		"net/ipv6/conf/default/router_solicitations": "0",
	} {
		if err := os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0); err != nil {
			return fmt.Errorf("setting a sysctl: %w", err)
		}
	}
	if old, err := netlink.LinkByName(uplink); err == nil {
		if err := netlink.LinkDel(old); err != nil {
			return fmt.Errorf("removing the old uplink: %w", err)
		}
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = uplink
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: uplinkFar}); err != nil {
		return fmt.Errorf("adding the uplink: %w", err)
	}
	for _, name := range []string{"lo", uplink, uplinkFar} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("bringing %s up: %w", name, err)
		}
	}
	link, err := netlink.LinkByName(uplink)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		one := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: one, Flags: unix.IFA_F_NODAD}); err != nil {
			return fmt.Errorf("giving the node the address %s: %w", a, err)
		}
	}
	for _, bits := range families {
		all := &net.IPNet{IP: make(net.IP, bits/8), Mask: net.CIDRMask(0, bits)}
		if err := netlink.RouteAdd(&netlink.Route{Dst: all, LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK}); err != nil {
			return fmt.Errorf("adding a default route: %w", err)
		}
	}
	return nil
}
