package kubeproxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Mode is one of kube-proxy's modes, in the spelling of its configuration.
type Mode string

// The modes.
const (
	IPTables Mode = "iptables"
	IPVS     Mode = "ipvs"
	NFTables Mode = "nftables"
)

// verbose is the verbosity at which kube-proxy says all that is waited for.
const verbose = 4

// terse is the least verbosity at which it still says that a sync is complete.
func (m Mode) terse() int {
	if m == IPVS {
		return verbose
	}
	return 2
}

// What the first two keys of a KubeProxyConfiguration say.
const (
	configurationVersion = "kubeproxy.config.k8s.io/v1alpha1"
	configurationKind    = "KubeProxyConfiguration"
)

// reserved are the keys of a KubeProxyConfiguration that svcmark sets, each with
// where its value comes from.
func reserved() map[string]string {
	return map[string]string{
		"mode":               "the backend's mode",
		"clientConnection":   "the API server that svcmark runs",
		"clusterCIDR":        "the scenario's network",
		"hostnameOverride":   "the scenario's node",
		"metricsBindAddress": "an address that nobody else has",
		"healthzBindAddress": "an address that nobody else has",
		"enableProfiling":    "svcmark changes the verbosity through it",
	}
}

// CheckConfiguration refuses a text that is no KubeProxyConfiguration, or that says
// what svcmark must. Whether kube-proxy knows its keys is for kube-proxy to say.
func CheckConfiguration(text string) error {
	_, err := parseConfiguration(text)
	return err
}

func parseConfiguration(text string) (map[string]any, error) {
	c := map[string]any{}
	if strings.TrimSpace(text) == "" {
		return c, nil
	}
	const depth = 16 // a KubeProxyConfiguration needs 4
	loader, err := yaml.NewLoader(strings.NewReader(text), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(depth))))
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		return nil, fmt.Errorf("the KubeProxyConfiguration is no valid YAML: %w", err)
	}
	if at := alias(&doc); at != nil { // without any, no text is larger than it looks
		return nil, fmt.Errorf("the KubeProxyConfiguration, line %d: the alias *%s has no place in it; write the value out", at.Line, at.Value)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the KubeProxyConfiguration is no mapping")
	}
	keys := doc.Content[0].Content
	for i := 0; i+1 < len(keys); i += 2 {
		if from, ours := reserved()[keys[i].Value]; ours {
			return nil, fmt.Errorf("the KubeProxyConfiguration, line %d: the key %s is svcmark's to set: its value is %s; leave it out", keys[i].Line, keys[i].Value, from)
		}
	}
	if err := doc.Decode(&c); err != nil {
		return nil, fmt.Errorf("the KubeProxyConfiguration: %w", err)
	}
	for key, want := range map[string]string{"apiVersion": configurationVersion, "kind": configurationKind} {
		if got, there := c[key]; there && got != want {
			return nil, fmt.Errorf("the KubeProxyConfiguration: %s is %v; want %s", key, got, want)
		}
	}
	if logging, ok := c["logging"].(map[string]any); ok && logging["verbosity"] != nil {
		return nil, errors.New("the KubeProxyConfiguration: logging.verbosity is svcmark's to set: it reads in the log when a sync is complete; leave it out")
	}
	if err := loader.Load(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the KubeProxyConfiguration has a second document; want one")
	}
	return c, nil
}

// alias finds one.
func alias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n
	}
	for _, c := range n.Content {
		if at := alias(c); at != nil {
			return at
		}
	}
	return nil
}

// configuration is the user's, or kube-proxy's defaults, but for knobs that a network
// namespace has not, a limit of requests that only costs time, syncs that nobody asked
// for, addresses that nobody else has, and the handler by which its verbosity can be
// changed while it runs.
func (c *Config) configuration(clusterCIDR, metrics, healthz string) ([]byte, error) {
	all, err := parseConfiguration(c.Configuration)
	if err != nil {
		return nil, err
	}
	periods := map[string]any{"syncPeriod": time.Hour.String()}
	if c.MinSyncPeriod > 0 {
		periods["minSyncPeriod"] = c.MinSyncPeriod.String()
	}
	for _, mode := range []Mode{IPTables, IPVS, NFTables} {
		fill(all, map[string]any{string(mode): periods})
	}
	fill(all, map[string]any{
		"conntrack":   map[string]any{"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"oomScoreAdj": 0,
		// What follows is reserved.
		"apiVersion": configurationVersion, "kind": configurationKind,
		"mode": string(c.Mode), "clusterCIDR": clusterCIDR,
		"clientConnection":   map[string]any{"qps": 1000, "burst": 1000},
		"enableProfiling":    true,
		"metricsBindAddress": metrics, "healthzBindAddress": healthz,
		"logging": map[string]any{"verbosity": verbose},
	})
	return yaml.Marshal(all)
}

// fill sets what is not set.
func fill(to, values map[string]any) {
	for key, value := range values {
		old, there := to[key]
		if !there || old == nil {
			if m, ok := value.(map[string]any); ok { // to keep the callers' apart
				copied := map[string]any{}
				fill(copied, m)
				value = copied
			}
			to[key] = value
			continue
		}
		was, isMap := old.(map[string]any)
		if more, ok := value.(map[string]any); ok && isMap {
			fill(was, more)
		}
	}
}

// environment is that of kube-proxy, in which the tools of dir come first.
func environment(dir string) []string {
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
}

// linkTools makes a variant's tools those that kube-proxy finds in dir as
// iptables.
func linkTools(dir, variant string) error {
	for _, family := range []string{"iptables", "ip6tables"} {
		for _, suffix := range []string{"", "-save", "-restore"} {
			tool := family + strings.TrimPrefix(variant, "iptables") + suffix
			path, err := exec.LookPath(tool)
			if err != nil {
				return err
			}
			if path, err = filepath.EvalSymlinks(path); err != nil {
				return err
			}
			if err := os.Symlink(path, filepath.Join(dir, family+suffix)); err != nil {
				return err
			}
		}
	}
	return nil
}
