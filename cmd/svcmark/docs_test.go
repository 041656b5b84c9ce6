package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocsCommands follows what docs/import.md and docs/capacity.md have a user type, word
// by word and in order: a cluster is what kubectl prints here. Runs are shortened, and
// nothing else.
func TestDocsCommands(t *testing.T) {
	bin := buildBinary(t, ".")
	cluster, err := filepath.Abs("testdata/cluster.json")
	if err != nil {
		t.Fatal(err)
	}
	tools := t.TempDir()
	program := func(name, text string) {
		if err := os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\nset -e\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	program("kubectl", fmt.Sprintf("[ \"$*\" = 'get services,endpointslices,nodes -A -o json' ]\nexec cat %q\n", cluster))
	program("svcmark", fmt.Sprintf("bin=%q\n", bin)+`
if [ "$1" = run ]; then
	case "$*" in
	*--lab*) shorter='--repeat 1 --shard 1/6' ;;
	*) shorter='--lab netns --backends direct,iptables-legacy --repeat 1' ;;
	esac
	exec "$bin" "$@" $shorter --calibrate=false --plots=false
fi
exec "$bin" "$@"
`)
	for page, want := range map[string]int{"docs/import.md": 2, "docs/capacity.md": 2} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		if len(blocks) != want {
			t.Errorf("%s has %d blocks of commands, want %d", page, len(blocks), want)
		}
		dir := t.TempDir()
		for _, b := range blocks {
			cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", b[1])
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "NO_COLOR=1")
			out, err := cmd.CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) == "" {
				t.Errorf("%s:\n%s%v\n%s", page, b[1], err, out)
			}
			t.Logf("%s:\n%s%s", page, b[1], out)
		}
	}
}
