package userspace

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

const (
	// enoughFiles is the limit that kube-proxy gave itself (setRLimit in proxier.go).
	enoughFiles = 64000
	// spareFiles are for connections, beside what listens.
	spareFiles = 1000
)

// allowFiles makes room for so many sockets that listen. There is one for every
// ServicePort, and for every NodePort another.
func allowFiles(sockets int) error {
	need := uint64(max(sockets+spareFiles, enoughFiles))
	var has unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &has); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if has.Cur >= need {
		return nil
	}
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: need, Max: max(need, has.Max)})
	if err == nil {
		return nil
	}
	// Only the real root may raise the hard limit, and nobody above fs.nr_open.
	if has.Cur < has.Max {
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: has.Max, Max: has.Max}) == nil {
			has.Cur = has.Max
		}
	}
	if need = uint64(sockets + spareFiles); has.Cur >= need {
		return nil
	}
	return &backends.NotSupportedError{
		Feature: fmt.Sprintf("room for %d sockets and %d connections within the limit of open files (RLIMIT_NOFILE), which is %d,", sockets, spareFiles, has.Cur),
		Err:     err,
		Mend:    fmt.Sprintf("ulimit -Hn %d as root (and sysctl fs.nr_open=%d if that is less), or use --lab vm", need, need),
	}
}

// tooManyFiles is the error of a proxy that has reached the limit: the original ended
// then, as this one does.
func tooManyFiles(err error) error {
	var has unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_NOFILE, &has) // 0 would be told
	return fmt.Errorf("the limit of open files (RLIMIT_NOFILE) of %d is reached: raise it with ulimit -Hn, or open fewer connections: %w", has.Cur, err)
}

// noPort explains why a ServicePort has no port to listen on.
func noPort(f backends.Family, err error) error {
	if !errors.Is(err, unix.EADDRINUSE) {
		return fmt.Errorf("opening the socket of a ServicePort: %w", err)
	}
	// One knob for both families.
	has, readErr := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return &backends.NotSupportedError{
		Feature: fmt.Sprintf("a free port of %s for each ServicePort among those that the kernel deals out (%s)", f, strings.Join(strings.Fields(string(has)), " to ")),
		Kernel:  backends.KernelRelease(), Err: err,
		Mend: "use fewer ServicePorts of a protocol, or widen net.ipv4.ip_local_port_range on the node",
	}
}
