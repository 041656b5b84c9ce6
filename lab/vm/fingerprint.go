package vm

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/svcmark/svcmark/lab/vm/qemu"
)

// Fingerprint is all of this lab that decides what a figure is.
type Fingerprint struct {
	Binary string            // sha256 of the program that runs in the guest
	Kernel string            // release and build
	CPU    string            // the model that the guest sees
	QEMU   string            // version
	Guest  string            // sha256 over QEMU's version and command line, the kernel, and the root with all that is in it
	Tools  map[string]string // version by name
}

// Fingerprint gives what this lab's figures belong to. In the virtual clock the same
// Guest and the same job give the same figures on any machine.
func (l *Lab) Fingerprint() (Fingerprint, error) {
	cpu, err := l.cpu()
	if err != nil {
		return Fingerprint{}, err
	}
	return Fingerprint{
		Binary: fmt.Sprintf("%x", l.image.Binary),
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
