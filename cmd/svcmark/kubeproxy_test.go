package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestKubeProxyFlag(t *testing.T) {
	var k kubeProxies
	for _, text := range []string{"old=./a", "new.1=/b=c"} {
		if err := k.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(k, kubeProxies{{"old", "./a"}, {"new.1", "/b=c"}}) {
		t.Errorf("read %+v", k)
	}
	if got := strings.Join(k.args(), " "); got != "--kube-proxy old=./a --kube-proxy new.1=/b=c" {
		t.Errorf("args %s", got)
	}
	for text, want := range map[string]string{
		"":       "want PATH or LABEL=PATH",
		"x=":     "want PATH or LABEL=PATH",
		"a b=/x": `the label "a b"`,
		"-=/x":   `the label "-"`,
		"old=/x": `two programs have the label "old"`,
	} {
		if err := k.Set(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	k = nil
	// svcmark hands on what it found beside itself, wherever that is.
	if err := k.Set("/a=b/kube-proxy"); err != nil || k[0] != (kubeProxy{"", "/a=b/kube-proxy"}) {
		t.Fatal(k, err)
	}
	if err := k.Set("/b"); err == nil || !strings.Contains(err.Error(), "want LABEL=PATH") {
		t.Errorf("a second program without a label: %v", err)
	}
}

// Where every program has a label, each takes the place of the one without.
func TestKubeProxyVariants(t *testing.T) {
	labelled := kubeProxies{{"old", "/a"}, {"new", "/b"}}
	v := labelled.variants()
	if got := v["kube-proxy-ipvs"]; !slices.Equal(got, []string{"kube-proxy@old-ipvs", "kube-proxy@new-ipvs"}) {
		t.Errorf("kube-proxy-ipvs becomes %q", got)
	}
	known := registryWith(programs{proxies: labelled}).Known().Backends
	for of, names := range v {
		for _, n := range names {
			if !slices.Contains(known, n) {
				t.Errorf("%s becomes %s, which is no backend", of, n)
			}
		}
	}
	if len(v) != len(proxyModes()) {
		t.Errorf("variants of %v", slices.Collect(maps.Keys(v)))
	}
	if v := (kubeProxies{{"old", "/a"}, {"", "/b"}}).variants(); v != nil {
		t.Errorf("beside a program without a label there are variants: %v", v)
	}
}

func TestKubeProxyIsFound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", filepath.Join(dir, "bin"))
	svcmark := filepath.Join(dir, "here", "svcmark")
	found := func(want string) {
		t.Helper()
		if got, err := (kubeProxies)(nil).found(svcmark); err != nil || !slices.Equal(got, kubeProxies{{"", want}}) {
			t.Errorf("found %+v, %v, want %s", got, err, want)
		}
	}
	found("kube-proxy") // not at all: whoever runs it will say so
	for _, where := range []string{"bin", "here"} {
		path := filepath.Join(dir, where, "kube-proxy")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		found(path)
	}
	if got := (kubeProxies{{path: "kube-proxy"}}).used([]string{"kube-proxy-ipvs"}); len(got) > 0 {
		t.Errorf("what is not there goes into a guest: %+v", got)
	}
	here := kubeProxies{{"", "/x"}, {"a", "/y"}}
	if got := here.used([]string{"ipvs", "kube-proxy@a-ipvs"}); !slices.Equal(got, here[1:]) {
		t.Errorf("%+v are used", got)
	}
	for _, path := range []string{filepath.Join(dir, "none"), dir} {
		if _, err := (kubeProxies{{path: path}}).found(svcmark); exitCode(err) != exitUsage {
			t.Errorf("%s: %v, want a mistake in the usage", path, err)
		}
	}
}
