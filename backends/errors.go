package backends

import (
	"errors"
	"fmt"
)

// ErrNotSupported is what a Backend's Probe, or a lab, answers when this
// machine cannot do it. Test for it with errors.Is.
var ErrNotSupported = errors.New("not supported")

// NotSupportedError names what is missing and how to mend it.
type NotSupportedError struct {
	Feature string // what is missing, as its users call it: "IPVS (module ip_vs)"
	Kernel  string // release of the kernel that was asked, "" for a missing tool
	Mend    string // a command or an advice that mends it, "" when there is none
	Err     error  // what the attempt said, may be nil
}

func (e *NotSupportedError) Error() string {
	s := e.Feature + " is missing"
	if e.Kernel != "" {
		s += " on kernel " + e.Kernel
	}
	if e.Err != nil {
		s = fmt.Sprintf("%s (%v)", s, e.Err)
	}
	if e.Mend != "" {
		s += "; to mend it: " + e.Mend
	}
	return s
}

// Is makes every NotSupportedError match ErrNotSupported.
func (e *NotSupportedError) Is(target error) bool { return target == ErrNotSupported }

// Unwrap gives what the attempt said.
func (e *NotSupportedError) Unwrap() error { return e.Err }
