package backends

import "golang.org/x/sys/unix"

// KernelRelease is the running kernel's release, as uname -r prints it.
func KernelRelease() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // fails for a bad pointer only
	return unix.ByteSliceToString(u.Release[:])
}
