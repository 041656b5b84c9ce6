package userspace

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/svcmark/svcmark/backends"
)

func TestAllowFiles(t *testing.T) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &was) })
	low := unix.Rlimit{Cur: 100, Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	if err := allowFiles(50); err != nil {
		t.Fatal(err)
	}
	var is unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &is); err != nil {
		t.Fatal(err)
	}
	if is.Cur < min(enoughFiles, was.Max) {
		t.Errorf("%d files may be open", is.Cur)
	}
	err := allowFiles(1 << 40) // above any fs.nr_open
	missing := (*backends.NotSupportedError)(nil)
	if !errors.As(err, &missing) || !strings.Contains(missing.Feature, "RLIMIT_NOFILE") || !strings.Contains(missing.Mend, fmt.Sprint(1<<40+spareFiles)) {
		t.Errorf("of more sockets than can be: %v", err)
	}
}

// When the kernel has no port left, the error crosses from the process and names the
// knob and the mend.
func TestNoPortLeft(t *testing.T) {
	const knob = "/proc/sys/net/ipv4/ip_local_port_range"
	was, err := os.ReadFile(knob)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(knob, []byte("40000 40003"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(knob, was, 0); err != nil {
			t.Error(err)
		}
	})
	s := &backends.State{Node: testState().Node}
	for i := range 9 {
		s.Services = append(s.Services, backends.ServicePort{
			Namespace: "n", Name: fmt.Sprintf("s%d", i), Protocol: backends.TCP,
			ClusterIP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), Port: 80,
		})
	}
	err = newBackend(t).Sync(t.Context(), s)
	missing := (*backends.NotSupportedError)(nil)
	if !errors.As(err, &missing) || !errors.Is(err, backends.ErrNotSupported) ||
		!strings.Contains(missing.Feature, "40000 to 40003") || !strings.Contains(missing.Mend, "ip_local_port_range") {
		t.Errorf("of more ServicePorts than ports: %v", err)
	}
}
