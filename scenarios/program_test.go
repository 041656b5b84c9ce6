package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const twoPrograms = `backends:
  - direct
  - exec:
      name: mine
      command: [./proxy, "--kubeconfig=${KUBECONFIG}"]
      env: {B: "2", A: "1"}
      ready: {timeout: 1m}
  - kubeProxy: {name: fast, mode: nftables, flags: [--a=b], config: fast.yaml}`

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	for name, text := range map[string]string{"s.yaml": valid(twoPrograms), "fast.yaml": "nftables:\n  minSyncPeriod: 0s\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Load(file, known)
	if err != nil {
		t.Fatal(err)
	}
	want := []Program{
		{Name: "mine", Exec: &Exec{
			Command: []string{"./proxy", "--kubeconfig=${KUBECONFIG}"}, Env: []Variable{{"A", "1"}, {"B", "2"}},
			Ready: Ready{time.Minute, 5 * time.Millisecond},
		}},
		{Name: "fast", KubeProxy: &KubeProxy{Mode: "nftables", Flags: []string{"--a=b"}, Configuration: "nftables:\n  minSyncPeriod: 0s\n"}},
	}
	if !reflect.DeepEqual(s.Programs, want) || strings.Join(s.Backends, " ") != "direct mine fast" {
		t.Errorf("backends %q, programs %+v", s.Backends, s.Programs)
	}

	// What a program is belongs to what the figures are of.
	other := *s
	other.Programs = append([]Program(nil), s.Programs...)
	other.Programs[1].KubeProxy = &KubeProxy{Mode: "nftables", Flags: []string{"--a=b"}}
	if other.Hash() == s.Hash() {
		t.Error("another configuration has the same hash")
	}

	some, err := s.With(Overrides{Backends: []string{"fast"}}, known)
	if err != nil || !reflect.DeepEqual(some.Programs, want[1:]) {
		t.Errorf("with one backend: %+v, %v", some, err)
	}
	labelled, err := s.With(Overrides{Labels: []string{"old", "new"}}, known)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(labelled.Backends, " "); got != "direct mine fast@old fast@new" || len(labelled.Programs) != 3 || labelled.Programs[2].KubeProxy.Label != "new" {
		t.Errorf("with two labels the backends are %s, the programs %+v", got, labelled.Programs)
	}
	if s.Programs[1].KubeProxy.Label != "" || len(s.Programs) != 2 {
		t.Errorf("the scenario itself has changed: %+v", s.Programs)
	}
}

func TestProgramMistakes(t *testing.T) {
	for name, c := range map[string]struct{ backend, want string }{
		"two kinds":         {"{exec: {name: a, command: [b]}, kubeProxy: {name: c, mode: ipvs}}", "defines two backends; want one key, exec or kubeProxy"},
		"no kind":           {"{}", "defines no backends"},
		"an unknown kind":   {"{exce: {name: a, command: [b]}}", `unknown key "exce"; did you mean "exec"?`},
		"no command":        {"{exec: {name: a}}", `the key "command" is missing`},
		"a command line":    {"{exec: {name: a, command: ./x --y}}", `is the text "./x --y"; want a list of texts`},
		"an empty command":  {"{exec: {name: a, command: ['']}}", "names no program"},
		"no mode":           {"{kubeProxy: {name: a}}", `the key "mode" is missing`},
		"no name":           {"{kubeProxy: {mode: ipvs}}", `the key "name" is missing`},
		"a bad name":        {"{exec: {name: 'a b', command: [x]}}", "is no name of a backend"},
		"a built-in's name": {"{exec: {name: ipvs, command: [x]}}", "is the name of a built-in backend"},
		"a bad variable":    {"{exec: {name: a, command: [x], env: {'A B': c}}}", "is no name of a variable"},
		"a number":          {"{exec: {name: a, command: [x], env: {A: 1}}}", "is the number 1; want text"},
		"a control":         {`{exec: {name: a, command: [x, "a\nb"]}}`, "holds a control character"},
		"no duration":       {"{exec: {name: a, command: [x], ready: {timeout: soon}}}", `"soon" is no duration`},
		"a long timeout":    {"{exec: {name: a, command: [x], ready: {timeout: 2h}}}", "is 2h0m0s; want 1s to 1h0m0s"},
		"a file":            {"{kubeProxy: {name: a, mode: ipvs, config: x}}", "names a file, and this scenario is in no folder"},
		"not to be run":     {"{kubeProxy: {name: refused, mode: ipvs}}", "backends[1]: it is refused"},
	} {
		k := known
		k.Program = func(p *Program) error {
			if p.Name == "refused" {
				return errors.New("it is\nrefused")
			}
			return nil
		}
		_, err := Parse("s.yaml", []byte(valid("backends: [direct, "+c.backend+"]")), k)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "s.yaml:") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q alone", name, err, c.want)
		}
	}
}

func TestConfigFileMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s.yaml")
	if err := os.WriteFile(file, []byte(valid(twoPrograms)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, known); err == nil || !strings.Contains(err.Error(), `the file "fast.yaml" cannot be read: no such file`) {
		t.Errorf("without the file: %v", err)
	}
	for text, want := range map[string]string{"a\x00b": "holds the byte 0x00", strings.Repeat("a", maxConfiguration+5): "has 65537 bytes"} {
		if err := os.WriteFile(filepath.Join(dir, "fast.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file, known); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: %v, want %q", text, err, want)
		}
	}
	both := strings.Replace(twoPrograms, "config: fast.yaml", "config: fast.yaml, configuration: x", 1)
	if err := os.WriteFile(file, []byte(valid(both)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fast.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, known); err == nil || !strings.Contains(err.Error(), "does not go with configuration") {
		t.Errorf("with both: %v", err)
	}
}
