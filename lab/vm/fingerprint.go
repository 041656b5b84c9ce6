package vm

import (
	"maps"

	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/vm/qemu"
)

// Environment gives what this lab's figures belong to. In the virtual clock the
// same Guest and the same job give the same figures on any machine.
func (l *Lab) Environment() (lab.Environment, error) {
	cpu, err := l.cpu()
	if err != nil {
		return lab.Environment{}, err
	}
	return lab.Environment{
		Kernel: l.kernel.Version,
		CPU:    cpu,
		QEMU:   l.version,
		Guest:  l.guestSum(),
		Tools:  maps.Clone(l.image.Tools),
	}, nil
}

func (l *Lab) cpu() (string, error) {
	if l.machine.Accel == qemu.Counted {
		return "QEMU TCG max, one instruction a nanosecond", nil
	}
	model, err := lab.CPUModel()
	return "KVM on " + model, err
}
