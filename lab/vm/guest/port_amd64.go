package guest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The I/O ports of the devices that svcmark gives its guest. They are written to from
// user space: a driver would bring interrupts, and with them timing that is
// not ours.
const (
	portResults  = 0x402 // isa-debugcon: a byte written is a byte sent
	portSnapshot = 0x505 // pvpanic: QEMU stops at exactly this instruction
	portSelector = 0x510 // fw_cfg: which item
	portData     = 0x511 // fw_cfg: its next byte
)

// ports allows, or forbids again, the calling thread to use the ports. A thread
// that may use ports pays for it at each switch, and so would its children: it is
// forbidden before a worker is started.
func ports(on int) error {
	for _, p := range []int{portResults, portSnapshot, portSelector, portData} {
		if err := unix.Ioperm(p, 1, on); err != nil {
			return fmt.Errorf("ioperm %#x: %w", p, err)
		}
	}
	return nil
}

// send writes b to the results' port.
func send(b []byte) {
	if len(b) > 0 {
		outs(portResults, &b[0], len(b))
	}
}

// stop is the snapshot point: QEMU stops here, and every restored guest goes on
// from here. It gives how many ticks of the TSC passed meanwhile: in the virtual
// clock those are nanoseconds.
func stop() (ticks uint64) { return stopAt(portSnapshot, 1) }

// choose makes an item of fw_cfg the one that fetch reads, from its start.
func choose(item uint16) { outw(portSelector, item) }

// fetch fills b from the chosen item.
func fetch(b []byte) {
	if len(b) > 0 {
		ins(portData, &b[0], len(b))
	}
}

//go:noescape
func outs(port uint16, p *byte, n int)

//go:noescape
func ins(port uint16, p *byte, n int)

func stopAt(port uint16, v byte) (ticks uint64)
func outw(port, v uint16)

// burn executes 2n+3 instructions and touches no memory.
func burn(n int)
