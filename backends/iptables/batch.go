package iptables

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// The nft variant sends a table's whole change to the kernel as one message,
// which must fit the socket's buffer. Only the real root may make that larger
// than net.core.wmem_max, by default 208 KiB or fewer than 100 Services.

// enoughBuffer is a net.core.wmem_max that suffices for states of ordinary
// sizes: a rule takes a few hundred bytes.
const enoughBuffer = 64 << 20

// checkBatch reports whether large changes can be sent.
func checkBatch() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("opening netfilter's netlink: %w", err)
	}
	defer unix.Close(fd)
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, enoughBuffer)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	// The file is not there in network namespaces of older kernels.
	if value, readErr := os.ReadFile("/proc/sys/net/core/wmem_max"); readErr == nil {
		if n, parseErr := strconv.Atoi(strings.TrimSpace(string(value))); parseErr == nil && n >= enoughBuffer {
			return nil
		}
	}
	return errBatch(err)
}

// batchTooLong makes clear what the kernel answers to a change that is too large.
func batchTooLong(err *RestoreError) error {
	if !strings.Contains(err.Said, "Message too long") {
		return err
	}
	return errBatch(err)
}

func errBatch(err error) error {
	return &backends.NotSupportedError{
		Feature: "a socket buffer for many nf_tables rules", Kernel: kernelRelease(), Err: err,
		Mend: fmt.Sprintf("run as root, have root set net.core.wmem_max to %d, or use --lab vm", enoughBuffer),
	}
}
