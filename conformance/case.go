package conformance

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/svcmark/svcmark/backends/apiclient"
)

// files are embedded because the microVM has no source tree.
//
//go:embed testdata/cases
var files embed.FS

// Dir is where the cases are, below this package's folder.
const Dir = "testdata/cases"

// Case is one file of manifests.
type Case struct {
	Name  string
	About string // the comment on top of the file
	*Objects
}

// Cases reads all of them, in the order of their names.
func Cases() ([]Case, error) {
	entries, err := files.ReadDir(Dir)
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".yaml")
		if !ok {
			continue
		}
		text, err := files.ReadFile(path.Join(Dir, e.Name()))
		if err != nil {
			return nil, err
		}
		c := Case{Name: name, About: about(text)}
		if c.About == "" {
			return nil, fmt.Errorf("the case %s begins without a comment that says what it is about", name)
		}
		if c.Objects, err = parse(text); err != nil {
			return nil, fmt.Errorf("the case %s: %w", name, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// GoldenName is the name of a case's golden file. Both variants of iptables share
// one: kube-proxy leaves the same in either, which whoever writes it checks.
func GoldenName(name string, m Mode) string { return name + "." + m.proxyMode() }

// Golden is what kube-proxy left in the kernel for a case; ok says that there is
// such a file.
func Golden(name string, m Mode) (text string, ok bool, err error) {
	b, err := files.ReadFile(path.Join(Dir, GoldenName(name, m)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	return string(b), err == nil, err
}

// about is the text of the comment on top.
func about(text []byte) string {
	var lines []string
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line, ok := strings.CutPrefix(s.Text(), "#")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, " ")
}

// parse reads manifests. A case without a Node, a ServiceCIDR or a
// KubeProxyConfiguration gets the default one.
func parse(text []byte) (*Objects, error) {
	o := &Objects{apiclient.Objects{Node: *defaultNode(), ClusterCIDR: DefaultClusterCIDR}}
	documents := apiyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := o.add(document); err != nil {
			return nil, err
		}
	}
	if o.ServiceCIDRs == nil {
		o.ServiceCIDRs = []networkingv1.ServiceCIDR{*defaultServiceCIDR()}
	}
	o.setDefaults()
	return o, nil
}

// proxyConfiguration is what a case may set of kube-proxy's configuration.
type proxyConfiguration struct {
	metav1.TypeMeta `json:",inline"`
	ClusterCIDR     string `json:"clusterCIDR"`
}

func (o *Objects) add(document []byte) error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return err
	}
	var into any
	switch kind.Kind {
	case "":
		return nil // nothing but a comment
	case "Service":
		o.Services = append(o.Services, corev1.Service{})
		into = &o.Services[len(o.Services)-1]
	case "EndpointSlice":
		o.EndpointSlices = append(o.EndpointSlices, discoveryv1.EndpointSlice{})
		into = &o.EndpointSlices[len(o.EndpointSlices)-1]
	case "ServiceCIDR":
		o.ServiceCIDRs = append(o.ServiceCIDRs, networkingv1.ServiceCIDR{})
		into = &o.ServiceCIDRs[len(o.ServiceCIDRs)-1]
	case "Node":
		o.Node = corev1.Node{}
		into = &o.Node
	case "KubeProxyConfiguration":
		c := new(proxyConfiguration)
		defer func() { o.ClusterCIDR = c.ClusterCIDR }()
		into = c
	default:
		return fmt.Errorf("a case has no %s", kind.Kind)
	}
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		return fmt.Errorf("a %s: %w", kind.Kind, err)
	}
	return nil
}
