package vmtest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestMain leads the package's own tests the way that it offers to others.
func TestMain(m *testing.M) {
	Main(m, func(m *testing.M) { os.Exit(m.Run()) })
}

func TestGuestArgs(t *testing.T) {
	got := guestArgs([]string{"-test.testlogfile=/tmp/x", "-test.v=true", "-test.run=A|B", "--test.cpuprofile=c", "word"})
	if want := []string{"-test.v=true", "-test.run=A|B", "word"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// inGuest says whether this process runs in a guest.
func inGuest() bool {
	_, err := os.Stat("/usr/lib/modules/order")
	return err == nil
}

func TestPassesInGuest(t *testing.T) { t.Log("in a guest:", inGuest()) }

func TestFailsInGuest(t *testing.T) {
	if inGuest() {
		t.Error("it was to fail")
	}
}

func TestVMMain(t *testing.T) {
	if inGuest() {
		t.Skip("a guest has no QEMU")
	}
	for _, test := range []struct {
		name, want string
		passes     bool
	}{
		{"TestPassesInGuest", "in a guest: true", true},
		{"TestFailsInGuest", "it was to fail", false},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run=^"+test.name+"$", "-test.testlogfile=/nonexistent/log")
		cmd.Env = append(os.Environ(), Env+"=1")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "no test was run in a guest") {
			t.Skip(string(out)) // which Main does not say in CI
		}
		if (err == nil) != test.passes || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: error %v, output\n%s", test.name, err, out)
		}
	}
}
