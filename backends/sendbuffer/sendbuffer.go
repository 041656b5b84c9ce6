// Package sendbuffer asks for room for large changes of nf_tables. The tools
// send a whole change to the kernel as one netlink message, which must fit the
// socket's buffer, and only the real root may make that larger than
// net.core.wmem_max: by default 208 KiB, or fewer than 100 Services.
package sendbuffer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// enough is a net.core.wmem_max that suffices for states of ordinary sizes: a
// rule takes a few hundred bytes.
const enough = 64 << 20

// Check reports whether large changes can be sent. A buffer that is too small is
// a *backends.NotSupportedError.
func Check() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("opening netfilter's netlink: %w", err)
	}
	defer unix.Close(fd)
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, enough)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	// The file is not there in network namespaces of older kernels.
	if value, readErr := os.ReadFile("/proc/sys/net/core/wmem_max"); readErr == nil {
		if n, parseErr := strconv.Atoi(strings.TrimSpace(string(value))); parseErr == nil && n >= enough {
			return nil
		}
	}
	return TooSmall(err)
}

// TooSmall is the error of a buffer that does not hold a change; err is what the
// attempt to send it, or to ask for more, said.
func TooSmall(err error) error {
	return &backends.NotSupportedError{
		Feature: "a socket buffer for many nf_tables rules", Kernel: backends.KernelRelease(), Err: err,
		Mend: fmt.Sprintf("run as root, have root set net.core.wmem_max to %d, or use --lab vm", enough),
	}
}
