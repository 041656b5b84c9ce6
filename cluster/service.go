package cluster

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/scenarios"
)

// labelProxyName is a label of Services and labelHeadless one of EndpointSlices;
// kube-proxy asks for objects without them (cmd/kube-proxy/app/server.go).
const (
	labelProxyName = "service.kubernetes.io/service-proxy-name"
	labelHeadless  = corev1.IsHeadlessService
)

// defaultAffinity is the API's default timeout (pkg/apis/core/v1/defaults.go).
const defaultAffinity = corev1.DefaultClientIPServiceAffinitySeconds

// Service takes a Service in, with the API's defaults for fields that are not
// set. The object is not kept.
func (b *Builder) Service(o *corev1.Service) {
	fail := b.failer("Service", o.Namespace, o.Name)
	k := key{b.text(o.Namespace), strings.Clone(o.Name)}
	if first, taken := b.services[k]; taken {
		fail("metadata.name", "the Service is given twice, first%s", at(first.offset))
		return
	}
	c := &serviceConversion{object: o, fail: fail, bad: map[string]bool{}}
	s := &service{c.service(), b.offset}
	s.Namespace, s.Name = k.namespace, k.name
	for i := range s.Ports {
		s.Ports[i].Name, s.Ports[i].Protocol = b.text(s.Ports[i].Name), b.text(s.Ports[i].Protocol)
	}
	s.Check(c.problem)
	b.services[k] = s
}

// at names a place of the input.
func at(offset int64) string {
	if offset < 0 {
		return ""
	}
	return " at byte " + strconv.FormatInt(offset, 10)
}

// serviceConversion is the conversion of one Service.
type serviceConversion struct {
	object *corev1.Service
	fail   scenarios.Fail
	bad    map[string]bool // fields that could not be read, of which Check has nothing new to say
	from   []int           // which ingress of the object an Ingress comes from
}

func (c *serviceConversion) service() scenarios.Service {
	spec := &c.object.Spec
	s := scenarios.Service{
		Type:        scenarios.Type(spec.Type),
		ClusterIPs:  c.clusterIPs(),
		ExternalIPs: c.addrs("spec.externalIPs", spec.ExternalIPs),
	}
	_, s.OtherProxy = c.object.Labels[labelProxyName]
	if s.Type == "" {
		s.Type = scenarios.ClusterIP
	}
	if name := strings.TrimSuffix(spec.ExternalName, "."); s.Type == scenarios.ExternalName && !scenarios.IsSubdomain(name) {
		c.fail("spec.externalName", "%s is no DNS name", strconv.Quote(clip(name)))
	}
	for i := range spec.Ports {
		p, field := &spec.Ports[i], fmt.Sprintf("spec.ports[%d]", i)
		protocol := string(p.Protocol)
		if protocol == "" {
			protocol = string(corev1.ProtocolTCP)
		}
		s.Ports = append(s.Ports, scenarios.Port{
			Name: p.Name, Protocol: protocol,
			Port: c.port(field+".port", p.Port), NodePort: c.port(field+".nodePort", p.NodePort),
		})
	}
	for i := range c.object.Status.LoadBalancer.Ingress {
		in, field := &c.object.Status.LoadBalancer.Ingress[i], fmt.Sprintf("status.loadBalancer.ingress[%d]", i)
		if in.IP == "" {
			continue // a host name, which only DNS knows
		}
		mode := corev1.LoadBalancerIPModeVIP
		if in.IPMode != nil {
			mode = *in.IPMode
		}
		c.oneOf(field+".ipMode", string(mode), string(corev1.LoadBalancerIPModeVIP), string(corev1.LoadBalancerIPModeProxy))
		c.from = append(c.from, i)
		s.Ingress = append(s.Ingress, scenarios.Ingress{Addr: c.addr(field+".ip", in.IP), Proxy: mode == corev1.LoadBalancerIPModeProxy})
	}
	for i, text := range spec.LoadBalancerSourceRanges {
		field := fmt.Sprintf("spec.loadBalancerSourceRanges[%d]", i)
		p, err := netip.ParsePrefix(strings.TrimSpace(text)) // the API lets spaces around them pass
		if err != nil {
			c.unread(field, "%s is no address range", strconv.Quote(clip(text)))
		}
		s.SourceRanges = append(s.SourceRanges, p)
	}
	c.policies(&s)
	return s
}

func (c *serviceConversion) policies(s *scenarios.Service) {
	const cluster, local = string(corev1.ServiceExternalTrafficPolicyCluster), string(corev1.ServiceExternalTrafficPolicyLocal)
	spec := &c.object.Spec
	external := string(spec.ExternalTrafficPolicy)
	if external != "" {
		c.oneOf("spec.externalTrafficPolicy", external, cluster, local)
	}
	s.ExternalLocal = external == local
	if p := spec.InternalTrafficPolicy; p != nil {
		c.oneOf("spec.internalTrafficPolicy", string(*p), cluster, local)
		s.InternalLocal = string(*p) == local
	}
	s.HealthCheckNodePort = c.port("spec.healthCheckNodePort", spec.HealthCheckNodePort)

	if spec.SessionAffinity != "" {
		c.oneOf("spec.sessionAffinity", string(spec.SessionAffinity), string(corev1.ServiceAffinityNone), string(corev1.ServiceAffinityClientIP))
	}
	if spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		seconds := defaultAffinity
		if a := spec.SessionAffinityConfig; a != nil && a.ClientIP != nil && a.ClientIP.TimeoutSeconds != nil {
			seconds = *a.ClientIP.TimeoutSeconds
		}
		if seconds < 1 || seconds > backends.MaxAffinitySeconds {
			c.fail("spec.sessionAffinityConfig.clientIP.timeoutSeconds", "is %d; want 1 to %d", seconds, backends.MaxAffinitySeconds)
			return
		}
		s.AffinitySeconds = uint32(seconds)
	}
}

// clusterIPs are those that kube-proxy looks at: clusterIPs by ipFamilies, or
// clusterIP alone in objects that were written before there were two
// (GetClusterIPByFamily in pkg/proxy/util/utils.go).
func (c *serviceConversion) clusterIPs() []netip.Addr {
	spec := &c.object.Spec
	texts := spec.ClusterIPs
	switch {
	case len(texts) == 0 && spec.ClusterIP != "":
		texts = []string{spec.ClusterIP}
	case len(texts) > 0 && spec.ClusterIP != texts[0] && spec.ClusterIP != "":
		c.fail("spec.clusterIPs[0]", "%s is not spec.clusterIP", strconv.Quote(clip(texts[0])))
	}
	if len(texts) == 1 && texts[0] == corev1.ClusterIPNone {
		return nil
	}
	addrs := c.addrs("spec.clusterIPs", texts)
	for i, f := range spec.IPFamilies {
		c.oneOf(fmt.Sprintf("spec.ipFamilies[%d]", i), string(f), string(backends.IPv4), string(backends.IPv6))
		if i < len(addrs) && addrs[i].IsValid() && backends.FamilyOf(addrs[i]) != backends.Family(f) {
			c.fail(fmt.Sprintf("spec.ipFamilies[%d]", i), "is %s; spec.clusterIPs[%d] is %s", f, i, addrs[i])
		}
	}
	if n := len(spec.IPFamilies); n > 0 && len(addrs) > 0 && n != len(addrs) {
		c.fail("spec.ipFamilies", "has %d families; there are %d ClusterIPs", n, len(addrs))
	}
	return addrs
}

func (c *serviceConversion) addrs(field string, texts []string) []netip.Addr {
	var addrs []netip.Addr
	for i, text := range texts {
		addrs = append(addrs, c.addr(fmt.Sprintf("%s[%d]", field, i), text))
	}
	return addrs
}

func (c *serviceConversion) addr(field, text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		c.unread(field, "%s is no IP address", strconv.Quote(clip(text)))
	}
	return a
}

func (c *serviceConversion) port(field string, n int32) uint16 {
	if n < 0 || n > 65535 {
		c.unread(field, "is %d; want 1 to 65535", n)
		return 0
	}
	return uint16(n)
}

func (c *serviceConversion) oneOf(field, got string, valid ...string) {
	for _, v := range valid {
		if got == v {
			return
		}
	}
	c.fail(field, "is %s; want %s", strconv.Quote(clip(got)), strings.Join(valid, " or "))
}

func (c *serviceConversion) unread(field, format string, args ...any) {
	c.bad[field] = true
	c.fail(field, format, args...)
}

// problem is what Check found, under the field's name in the API.
func (c *serviceConversion) problem(field, format string, args ...any) {
	top, rest := field, ""
	if i := strings.IndexAny(field, "[."); i >= 0 {
		top, rest = field[:i], field[i:]
	}
	switch top {
	case "namespace", "name":
		field = "metadata." + field
	case "loadBalancer":
		field = "status.loadBalancer.ingress"
		if rest != "" {
			end := strings.IndexByte(rest, ']')
			i, _ := strconv.Atoi(rest[1:end]) // Check made it
			field += "[" + strconv.Itoa(c.from[i]) + rest[end:]
		}
	default:
		field = "spec." + field
	}
	if !c.bad[field] {
		c.fail(field, format, args...)
	}
}

func clip(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
