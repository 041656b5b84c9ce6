package lab

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

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

// Environment is the running kernel's, and the versions of those of the given
// programs that are installed.
func (*NetNS) Environment(ctx context.Context, tools []string) (Environment, error) {
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
		Tools:  toolVersions(ctx, tools),
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

// toolVersions says which builds of the programs are installed.
func toolVersions(ctx context.Context, tools []string) map[string]string {
	versions := map[string]string{}
	for _, tool := range tools {
		for _, dir := range programDirs() {
			if path, err := exec.LookPath(filepath.Join(dir, tool)); err == nil {
				versions[tool] = toolVersion(ctx, path)
				break
			}
		}
	}
	return versions
}

// toolVersion is the first line that a program says of its version, or else the
// hash of its file. ipvsadm is not asked: whatever its arguments are, it has
// modprobe load ip_vs into the running kernel (1.31).
func toolVersion(ctx context.Context, path string) string {
	if filepath.Base(path) != "ipvsadm" {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput(); err == nil {
			line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			return line
		}
	}
	contents, err := os.ReadFile(path)
	if err != nil {
		return "unreadable"
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(contents))
}
