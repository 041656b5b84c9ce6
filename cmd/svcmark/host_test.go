package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// hostState is everything of the host that svcmark must leave as it is, by
// what it is called.
func hostState(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		state["link "+l.Attrs().Name] = l.Type()
	}
	named, err := filepath.Glob("/run/netns/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range named {
		state["netns "+n] = ""
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		state["mount "+strings.Fields(line)[4]] = ""
	}
	for _, save := range []string{"iptables-legacy-save", "iptables-nft-save"} {
		state[save] = said(t, save)
	}
	state["nft"] = said(t, "nft", "list", "ruleset")
	for _, key := range []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/all/route_localnet", "kernel/sched_rt_runtime_us"} {
		value, err := os.ReadFile("/proc/sys/" + key)
		if err != nil {
			t.Fatal(err)
		}
		state["sysctl "+key] = string(value)
	}
	return state
}

// said is what a program prints about the host's rules, without the comments
// and counters that change by themselves; "" when it is not there or may not.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	var kept []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ":") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// processes are those that svcmark has left: copies of itself, and guests.
func processes(t *testing.T, bin string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range dirs {
		exe, err := os.Readlink(dir + "/exe")
		if err != nil {
			continue // it has ended, or is the kernel's
		}
		cmdline, err := os.ReadFile(dir + "/cmdline")
		if err != nil {
			continue
		}
		line := strings.ReplaceAll(string(cmdline), "\x00", " ")
		environ, err := os.ReadFile(dir + "/environ") // as it was started
		if err != nil {
			continue
		}
		if exe == bin || strings.Contains(string(environ), scriptEnv+"="+bin+"\x00") {
			found = append(found, line)
		}
	}
	return found
}

// sameHost fails when something of the host has changed. What was killed may
// take a moment to be gone, so it looks again for a while before it complains.
func sameHost(t *testing.T, bin string, before map[string]string) {
	t.Helper()
	var left []string
	for range 100 {
		if left = processes(t, bin); len(left) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("processes are left:\n%s", strings.Join(left, "\n"))
	}
	after := hostState(t)
	if maps.Equal(before, after) {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(after)) {
		if v, ok := before[k]; !ok || v != after[k] {
			t.Errorf("the host has changed: %s is %q, was %q", k, after[k], v)
		}
	}
	for k := range before {
		if _, ok := after[k]; !ok {
			t.Errorf("the host has changed: %s is gone", k)
		}
	}
}
