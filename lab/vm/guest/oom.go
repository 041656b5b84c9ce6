package guest

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// watchOOM begins to listen to the kernel's log. The function that it gives
// reads what came since and gives the first line about a process that was killed
// for want of memory, or "".
func watchOOM() (func() string, error) {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		return nil, fmt.Errorf("/dev/kmsg: %w", err)
	}
	return func() string {
		buf := make([]byte, 8192) // a record is whole or EINVAL
		for {
			n, err := unix.Read(fd, buf)
			if err == unix.EPIPE || err == unix.EINTR {
				continue // records were overwritten before we came
			}
			if err != nil || n <= 0 {
				return ""
			}
			if line := killedLine(string(buf[:n])); line != "" {
				return line
			}
		}
	}, nil
}

// killedLine gives the text of a record of /dev/kmsg that tells of an
// OOM kill, else "". Format: Documentation/ABI/testing/dev-kmsg.
func killedLine(record string) string {
	_, text, ok := strings.Cut(record, ";")
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, "\n")
	if strings.Contains(text, "ut of memory: Killed process") {
		return text
	}
	return ""
}
