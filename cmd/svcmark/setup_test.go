package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSetup runs tools/setup where QEMU is missing, with stand-ins for id and
// apt-get: without root it prints the command and exits 3, as root it runs it.
func TestSetup(t *testing.T) {
	setup, err := filepath.Abs(filepath.Join(root, "tools/setup"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, uid string
		code      int
		says, ran []string
	}{
		{
			name: "user", uid: "1000", code: exitUnsupported,
			says: []string{"qemu-system-x86_64 is missing", "boots the microVM", "sudo apt-get update && sudo apt-get install -y --no-install-recommends qemu-system-x86"},
		},
		{
			name: "root", uid: "0", code: 0,
			says: []string{"qemu-system-x86_64 is missing"},
			ran:  []string{"update", "install -y --no-install-recommends qemu-system-x86"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			calls := filepath.Join(bin, "calls")
			for name, script := range map[string]string{
				"id":      "#!/bin/sh\necho " + tt.uid + "\n",
				"apt-get": "#!/bin/sh\necho \"$@\" >> " + calls + "\n",
			} {
				if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("/bin/sh", setup)
			cmd.Env = []string{"PATH=" + bin}
			out, err := cmd.CombinedOutput()
			code := 0
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, out)
			}
			for _, want := range tt.says {
				if !strings.Contains(string(out), want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
			ran, err := os.ReadFile(calls)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			for _, want := range tt.ran {
				if !strings.Contains(string(ran), want) {
					t.Errorf("it did not run apt-get %q but\n%s", want, ran)
				}
			}
			if tt.ran == nil && len(ran) > 0 {
				t.Errorf("without root it ran apt-get %s", ran)
			}
		})
	}
}
