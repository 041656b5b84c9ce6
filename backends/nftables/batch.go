package nftables

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// enoughBuffer is a net.core.wmem_max that suffices for states of ordinary
// sizes: nft sends a whole script to the kernel as one message, which must fit
// the socket's buffer, and only the real root may make that larger than the
// sysctl, by default 208 KiB.
const enoughBuffer = 64 << 20

// checkBatch reports whether large scripts can be sent.
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
	return &backends.NotSupportedError{
		Feature: "a socket buffer for many nf_tables objects", Kernel: kernelRelease(), Err: err,
		Mend: fmt.Sprintf("run as root, have root set net.core.wmem_max to %d, or use --lab vm", enoughBuffer),
	}
}
