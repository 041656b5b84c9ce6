package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/svcmark/svcmark/lab/vm/wire"
)

// JobFile is the fw_cfg file in which the host hands in the job.
const JobFile = "opt/svcmark/job"

// fetchJob reads the job from fw_cfg, QEMU's configuration device
// (docs/specs/fw_cfg.rst), by its ports: the kernel's driver copies a byte at a
// time from the item's beginning, which takes quadratic time.
func fetchJob() (*wire.Job, error) {
	const directory = 0x19
	choose(directory)
	var count [4]byte
	fetch(count[:])
	n := binary.BigEndian.Uint32(count[:])
	if n > 1024 {
		return nil, fmt.Errorf("fw_cfg lists %d files: it is not there", n)
	}
	for range n {
		var e [64]byte // size, selector, reserved, name
		fetch(e[:])
		name, _, _ := bytes.Cut(e[8:], []byte{0})
		if string(name) != JobFile {
			continue
		}
		size := binary.BigEndian.Uint32(e[:])
		if size > wire.MaxJob {
			return nil, fmt.Errorf("the job has %d bytes", size)
		}
		choose(binary.BigEndian.Uint16(e[4:]))
		b := make([]byte, size)
		fetch(b)
		return wire.UnmarshalJob(b)
	}
	return nil, fmt.Errorf("the host gave no %s", JobFile)
}
