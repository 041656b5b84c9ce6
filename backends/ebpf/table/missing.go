package table

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// Missing is the refusal of a kernel that lacks a feature, which came in a release.
func Missing(feature, since string, err error) error {
	e := &backends.NotSupportedError{
		Feature: feature, Kernel: backends.KernelRelease(), Err: err, Mend: "use kernel " + since + " or later, or --lab vm",
	}
	if errors.Is(err, unix.EPERM) {
		e.Mend = "run as root outside of user namespaces (CAP_BPF, CAP_NET_ADMIN), or use --lab vm"
	}
	return e
}
