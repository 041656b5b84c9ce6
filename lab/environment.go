package lab

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Environment is what, beside the scenario, decides the figures of a lab. Two
// labs with the same environment and the virtual clock give the same figures.
type Environment struct {
	Kernel string            // release and build of the kernel under test
	CPU    string            // the model that this kernel sees
	QEMU   string            // version; "" outside of a vm
	Guest  string            // sha256 of all that a guest boots from; "" outside of a vm
	Tools  map[string]string // version by program name
}

// Environment is the running kernel's. The tools are this machine's, which
// whoever knows them says.
func (*NetNS) Environment(tools map[string]string) (Environment, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Environment{}, fmt.Errorf("asking the kernel for its name: %w", err)
	}
	cpu, err := CPUModel()
	if err != nil {
		return Environment{}, err
	}
	return Environment{
		Kernel: unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Version[:]),
		CPU:    cpu,
		Tools:  tools,
	}, nil
}

// CPUModel is the model that the running kernel names, "unknown" when it names
// none.
func CPUModel() (string, error) {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value), nil
		}
	}
	return "unknown", s.Err()
}
