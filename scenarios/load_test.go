package scenarios

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadPresets(t *testing.T) {
	names := presetNames()
	if strings.Join(names, " ") != "churn conntrack dataplanes during-sync keep-alive kube-proxy partial-sync position quick restart scale short-connections" {
		t.Fatalf("presets are %v", names)
	}
	for i, p := range Presets() {
		s, err := Load(p.Name, Known{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Metadata.Name != names[i] || p.Name != names[i] {
			t.Errorf("the preset %s calls itself %s", names[i], s.Metadata.Name)
		}
		if !strings.HasSuffix(p.Description, "?") {
			t.Errorf("%s does not say which question it answers: %q", p.Name, p.Description)
		}
	}
}

func TestLoadQuick(t *testing.T) {
	s, err := Load("quick", known)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(s.Points()), 5*4-2; got != want {
		t.Errorf("%d points, want %d", got, want)
	}
	if got := s.Limited(); len(got) != 2 || got[0] != (Point{"iptables-nft", 5000, 3}) || got[1] != (Point{"nftables", 5000, 3}) {
		t.Errorf("left out are %v", got)
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(path, []byte(valid("seed: 77")), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path, known)
	if err != nil || s.Seed != 77 {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestLoadPrefersPreset(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("quick", []byte(valid("seed: 77")), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, seed := range map[string]uint64{"quick": 1, "./quick": 77} {
		if s, err := Load(name, known); err != nil || s.Seed != seed {
			t.Errorf("%s: got %+v, %v; want the seed %d", name, s, err, seed)
		}
	}
}

func TestLoadMistakes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"empty.yaml":  "",
		"binary.yaml": "\x7fELF\x02\x01\x01\x00",
		"large.yaml":  strings.Repeat("# padding\n", maxSize/10+1),
		"slip.yaml":   valid("sede: 5"),
	} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"empty.yaml":  "empty.yaml:1:1: is empty; a scenario starts with apiVersion: svcmark/v1",
		"binary.yaml": "binary.yaml:1:1: the byte 0x7f has no place in a text; a scenario is a YAML file in UTF-8",
		"large.yaml":  "large.yaml: is larger than 64 MiB; is that a scenario?",
		"/dev/zero":   "/dev/zero: is larger than 64 MiB; is that a scenario?",
		"slip.yaml":   `slip.yaml:7:1: unknown key "sede"; did you mean "seed"?`,
		"dir":         "dir: is a directory; name a scenario file in it, or a preset: churn, conntrack, dataplanes, during-sync, keep-alive, kube-proxy, partial-sync, position, quick, restart, scale or short-connections",
		"quikc":       `quikc: there is no such file and no such preset; did you mean "quick"?`,
		"no/such":     "no/such: there is no such file and no such preset; want churn, conntrack, dataplanes, during-sync, keep-alive, kube-proxy, partial-sync, position, quick, restart, scale or short-connections",
		"slip.yaml/x": "slip.yaml/x: cannot be read: not a directory",
	} {
		if _, err := Load(name, known); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// A preset that this build cannot run says so like a file.
func TestLoadPresetUnknownBackend(t *testing.T) {
	_, err := Load("quick", Known{Backends: []string{"direct", "iptables-legacy", "ipvs", "nftables"}})
	want := `preset quick:13:37: backends[2]: unknown backend "iptables-nft"; want direct, iptables-legacy, ipvs or nftables
preset quick:15:3: limits.iptables-nft: unknown backend "iptables-nft"; want direct, iptables-legacy, ipvs or nftables`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
