package lab

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// NodeEnv is the environment variable with which a lab tells a worker that it
// is one, and whose: "netns" or "vm".
const NodeEnv = "SVCMARK_NODE"

// OnNode reports whether this process is a lab's worker.
func OnNode() bool { return os.Getenv(NodeEnv) != "" }

// EnterNode makes the worker's process ready to be the node: private mounts in
// the netns lab (the microVM's are its own), lo up, forwarding on. It must be
// the first thing that a worker does.
func EnterNode() error {
	switch os.Getenv(NodeEnv) {
	case "":
		return fmt.Errorf("this verb runs inside a lab only: svcmark starts it itself")
	case "netns":
		if err := privateMounts(); err != nil {
			return err
		}
	}
	if err := quiet(); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	// IPVS refuses destinations (EINVAL) in a namespace whose lo is down.
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	return nil
}

// privateMounts gives the worker a /proc of its own processes and an empty
// /run: the xtables lock lives there, and network namespaces share it
// otherwise, so that cells would wait for each other and for the host.
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return &backends.NotSupportedError{
			Feature: "a /proc for a new PID namespace", Err: err,
			Mend: "a container hides parts of /proc: run it with --security-opt systempaths=unconfined, or use --lab vm",
		}
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mounting a private /run: %w", err)
	}
	return nil
}
