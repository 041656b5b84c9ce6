package lab

import (
	"fmt"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Host is one machine of the topology: a network namespace of its own that
// lives as long as somebody holds it, has no name, and so cannot be left behind.
type Host struct {
	Name string
	ns   netns.NsHandle
}

// newHost makes an empty namespace. The thread that made it is thrown away:
// it is in the wrong namespace for everything else.
func newHost(name string) (*Host, error) {
	h := &Host{Name: name}
	err := onFreshThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		ns, err := netns.Get()
		h.ns = ns
		if err != nil {
			return err
		}
		return quiet()
	})
	if err != nil {
		return nil, fmt.Errorf("making the network namespace of host %s: %w", name, err)
	}
	return h, nil
}

// Do runs fn in the host's network namespace, on a thread that nothing else
// runs on and that ends with fn. Goroutines that fn starts are not on it.
func (h *Host) Do(fn func() error) error {
	return onFreshThread(func() error {
		if err := netns.Set(h.ns); err != nil {
			return fmt.Errorf("entering host %s: %w", h.Name, err)
		}
		return fn()
	})
}

// links gives a handle on the host's links, addresses and routes.
func (h *Host) links() (*netlink.Handle, error) {
	n, err := netlink.NewHandleAt(h.ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink in host %s: %w", h.Name, err)
	}
	return n, nil
}

func (h *Host) close() error { return h.ns.Close() }

// onFreshThread runs fn locked to a thread that ends with it.
func onFreshThread(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		done <- fn()
	}()
	return <-done
}
