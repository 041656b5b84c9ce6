package conformance_test

import (
	"errors"
	"os"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/conformance"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/lab/labtest"
)

func TestMain(m *testing.M) { labtest.Main(m) }

// TestGolden syncs every case by the built-in backend of every mode that this
// kernel has, and compares the kernel with what kube-proxy left there.
func TestGolden(t *testing.T) {
	cases, err := conformance.Cases()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range conformance.Modes() {
		t.Run(string(m), func(t *testing.T) {
			b := conformance.NewBuiltin(m)
			if !runs(t, b) {
				return
			}
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) { golden(t, b, m, &c) })
			}
			if err := b.Clean(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// runs reports whether the kernel has what the mode needs. A running kernel may
// lack it, the microVM's does not; a machine that lacks a tool skips.
func runs(t *testing.T, b *conformance.Builtin) bool {
	t.Helper()
	err := b.Probe(t.Context())
	missing := (*backends.NotSupportedError)(nil)
	switch {
	case err == nil:
		return true
	case !errors.As(err, &missing):
		t.Fatal(err)
	case missing.Kernel != "" && os.Getenv(lab.NodeEnv) != "vm":
		t.Logf("this kernel cannot run it, the microVM's does: %v", err)
	case os.Getenv("CI") != "":
		t.Error(err)
	default:
		t.Skip(err)
	}
	return false
}

func golden(t *testing.T, b *conformance.Builtin, m conformance.Mode, c *conformance.Case) {
	want, ok, err := conformance.Golden(c.Name, m)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Fatalf("%s is missing: make conformance UPDATE=1 makes it", conformance.GoldenName(c.Name, m))
	}
	if err := b.Sync(t.Context(), c.Objects); err != nil {
		t.Fatal(err)
	}
	got, err := b.Capture(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := conformance.Diff(want, got); diff != "" {
		t.Errorf("%s\nkube-proxy has programmed -, the built-in backend +\n%s", c.About, diff)
	}
}
