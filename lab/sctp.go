package lab

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

// SCTP reports whether this kernel speaks SCTP; where it does not the error is a
// *backends.NotSupportedError.
func SCTP() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_SCTP)
	if err == nil {
		return unix.Close(fd)
	}
	if !errors.Is(err, unix.EPROTONOSUPPORT) && !errors.Is(err, unix.ESOCKTNOSUPPORT) {
		return fmt.Errorf("opening an SCTP socket: %w", err)
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("asking the kernel for its name: %w", err)
	}
	return &backends.NotSupportedError{
		Feature: "SCTP (module sctp)", Kernel: unix.ByteSliceToString(u.Release[:]), Err: err,
		Mend: "load the module sctp, or use --lab vm",
	}
}
