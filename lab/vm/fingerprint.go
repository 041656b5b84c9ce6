package vm

import (
	"bufio"
	"maps"
	"os"
	"strings"

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
	switch l.machine.Accel {
	case qemu.Counted:
		return "QEMU TCG max, one instruction a nanosecond", nil
	case qemu.Translated:
		return "QEMU TCG max", nil
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == "model name" {
			return "KVM on " + strings.TrimSpace(v), nil
		}
	}
	return "KVM", nil
}
