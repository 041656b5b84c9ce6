package iptables

import (
	"strings"

	"github.com/svcmark/svcmark/backends/sendbuffer"
)

// batchTooLong makes clear what the kernel answers the nft variant to a change
// that is too large.
func batchTooLong(err *RestoreError) error {
	if !strings.Contains(err.Said, "Message too long") {
		return err
	}
	return sendbuffer.TooSmall(err)
}
