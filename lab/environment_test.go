package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestToolVersions(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	asked := filepath.Join(dir, "asked")
	for name, script := range map[string]string{
		"speaks":  "#!/bin/sh\necho speaks v1.2\necho more\n",
		"refuses": "#!/bin/sh\nexit 1\n",
		"ipvsadm": "#!/bin/sh\n: >" + asked + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := toolVersions(t.Context(), []string{"speaks", "refuses", "ipvsadm", "no-such-tool"})
	if len(got) != 3 || got["speaks"] != "speaks v1.2" || !strings.HasPrefix(got["refuses"], "sha256:") || !strings.HasPrefix(got["ipvsadm"], "sha256:") {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("ipvsadm was run, which has the host's kernel load a module")
	}
}
