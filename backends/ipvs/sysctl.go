package ipvs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sysctlDir is /proc/sys, whose net is the process's own network namespace.
type sysctlDir string

// sysctl is a setting that kube-proxy makes.
type sysctl struct{ name, value string }

// sysctls are those of NewProxier in kube-proxy's proxier.go. It turns
// conn_reuse_mode off from kernel 4.1 on, where the setting begins, up to 5.8:
// 5.9 mended what was wrong with it.
func sysctls(release string) []sysctl {
	s := []sysctl{{"net/ipv4/vs/conntrack", "1"}}
	major, minor := kernelVersion(release)
	if v := major<<8 | minor; v >= 4<<8|1 && v < 5<<8|9 {
		s = append(s, sysctl{"net/ipv4/vs/conn_reuse_mode", "0"})
	}
	return append(s,
		sysctl{"net/ipv4/vs/expire_nodest_conn", "1"},
		sysctl{"net/ipv4/vs/expire_quiescent_template", "1"},
		sysctl{"net/ipv4/ip_forward", "1"},
	)
}

// kernelVersion reads the first two numbers of a release such as
// "6.1.0-56-cloud-amd64"; what is no number counts as 0.
func kernelVersion(release string) (major, minor int) {
	digits := func(s string) int {
		end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			end = len(s)
		}
		n, _ := strconv.Atoi(s[:end])
		return n
	}
	first, rest, _ := strings.Cut(release, ".")
	return digits(first), digits(rest)
}

// set makes the settings that differ.
func (d sysctlDir) set(settings []sysctl) error {
	for _, s := range settings {
		path := filepath.Join(string(d), s.name)
		have, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("sysctl: %w", err)
		}
		if strings.TrimSpace(string(have)) == s.value {
			continue
		}
		if err := os.WriteFile(path, []byte(s.value), 0); err != nil {
			return fmt.Errorf("sysctl: %w", err)
		}
	}
	return nil
}
