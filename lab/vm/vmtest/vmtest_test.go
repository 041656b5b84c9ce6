package vmtest

import (
	"os"
	"slices"
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

// TestVMInside proves that Env really takes a test into a guest.
func TestVMInside(t *testing.T) {
	if os.Getenv(Env) == "1" {
		t.Fatal("this test runs on the machine, not in the guest")
	}
	_, err := os.Stat("/usr/sbin/xtables-nft-multi")
	hasInit := func() bool { _, err := os.Stat("/init"); return err == nil }()
	if hasInit && err != nil {
		t.Error("a guest without its tools:", err)
	}
	t.Log("in a guest:", hasInit)
}
