//go:build kubeproxy

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// realKubeProxy is a copy of the program that make kube-proxy builds: nobody else
// runs it.
func realKubeProxy(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../bin/kube-proxy")
	if err != nil {
		t.Fatalf("%v; make kube-proxy builds it", err)
	}
	path := filepath.Join(t.TempDir(), "kube-proxy")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const everyMode = `apiVersion: svcmark/v1
kind: Scenario
metadata: {name: modes}
services: {count: 20, endpoints: 2}
backends:
- kube-proxy-iptables-legacy
- kube-proxy-iptables-nft
- kube-proxy-ipvs
- kube-proxy-nftables
- kubeProxy: {name: quick, mode: nftables, flags: [--logging-format=text], configuration: "nftables: {minSyncPeriod: 10ms}"}
measure: [sync, firstPacket, cpu, memory, objects, reported, timeToEffective, partialSync]
operations: 20
`

// Two runs of the same scenario are the same to the byte, in every mode: nothing of
// Go's or kube-proxy's own randomness is in a figure.
func TestVMKubeProxyIsExact(t *testing.T) {
	dir := t.TempDir()
	bin, program := buildBinary(t, "."), realKubeProxy(t)
	scenario := filepath.Join(dir, "modes.yaml")
	writeFile(t, scenario, everyMode)
	one := filepath.Join(dir, "one")
	for _, args := range [][]string{{"--out", one}, {"--out", filepath.Join(dir, "two"), "--reference", one}} {
		cmd := exec.Command(bin, append([]string{"run", scenario, "--lab", "vm", "--kube-proxy", program}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	a, err := os.ReadFile(filepath.Join(one, samplesFile))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "two", samplesFile))
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}

func TestKubeProxyThatIsKilled(t *testing.T) {
	dir := t.TempDir()
	program := realKubeProxy(t)
	scenario := filepath.Join(dir, "modes.yaml")
	writeFile(t, scenario, everyMode)
	killed(t, program, "run", scenario, "--lab", "netns", "--backends", "kube-proxy-nftables", "--measure", "partialSync",
		"--repeat", "1", "--kube-proxy", program, "--out", filepath.Join(dir, "run"))
}
