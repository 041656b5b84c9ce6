package image

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/svcmark/svcmark/backends"
)

// Tool is a program of this machine that goes into the guest.
type Tool struct {
	Name    string   // as it is found in PATH or in an sbin folder
	Package string   // Debian's and Ubuntu's package of it
	Links   []string // names by which it is called, beside its own
	Plugins string   // the folder of what it loads at run time, beside the libraries; "" for none
	File    string   // its path, "" to look for Name; it need not be of a Package
}

// Tools are those that the backends need, and what helps to look around.
func Tools() []Tool {
	return []Tool{
		{Name: "xtables-legacy-multi", Package: "iptables", Links: xtables("iptables-legacy", "ip6tables-legacy"),
			Plugins: "xtables"},
		{Name: "xtables-nft-multi", Package: "iptables", Links: xtables("iptables-nft", "ip6tables-nft", "iptables", "ip6tables"),
			Plugins: "xtables"},
		{Name: "ipset", Package: "ipset"},
		{Name: "ipvsadm", Package: "ipvsadm"},
		{Name: "ip", Package: "iproute2"},
		{Name: "nft", Package: "nftables"},
	}
}

// xtables gives the three names that each member of the iptables family has.
func xtables(names ...string) []string {
	var links []string
	for _, n := range names {
		links = append(links, n, n+"-save", n+"-restore")
	}
	return links
}

// Path finds the tool. What is not there is a *backends.NotSupportedError.
func (t Tool) Path() (string, error) {
	if t.File != "" {
		return t.File, nil
	}
	// A plain user's PATH often lacks the sbin folders.
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/bin", "/bin") {
		path := filepath.Join(dir, t.Name)
		if filepath.IsAbs(dir) && executable(path) {
			return filepath.EvalSymlinks(path)
		}
	}
	return "", &backends.NotSupportedError{
		Feature: "the tool " + t.Name,
		Mend:    "sudo apt-get install " + t.Package,
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// pluginDir finds one of the tool's plugin folders.
func pluginDir(name string, dirs []string) (string, error) {
	for _, d := range dirs {
		path := filepath.Join(d, name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path, nil
		}
	}
	return "", fmt.Errorf("its plugins' folder %s is not on this machine", name)
}

// Versions says which builds of the tools this machine has, by name. Those that
// it lacks are not in it.
func Versions(ctx context.Context, tools []Tool) map[string]string {
	versions := map[string]string{}
	for _, t := range tools {
		path, err := t.Path()
		if err != nil {
			continue
		}
		if contents, err := os.ReadFile(path); err == nil {
			versions[t.Name] = t.version(ctx, path, contents)
		}
	}
	return versions
}

// version says which build of the tool is at path: the package's version where the
// distribution's own file is taken, else the hash of the file. The tool is not
// asked: ipvsadm --version has modprobe load a module into the running kernel.
func (t Tool) version(ctx context.Context, path string, contents []byte) string {
	switch filepath.Dir(path) {
	case "/bin", "/sbin", "/usr/bin", "/usr/sbin":
		out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Version}", t.Package).Output()
		if err == nil && len(out) > 0 {
			return string(out)
		}
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(contents))
}
