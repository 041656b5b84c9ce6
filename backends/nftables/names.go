package nftables

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/svcmark/svcmark/backends"
)

// maxBase is the longest name without its prefix: nf_tables' 256 bytes less 16
// that kube-proxy keeps for the prefix (chainNameBaseLengthMax).
const maxBase = 240

// hashed puts 8 characters of a name's hash before it, which keep it unique
// when its end must be cut off (hashAndTruncate).
func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	name = base32.StdEncoding.EncodeToString(sum[:])[:8] + "-" + name
	if len(name) > maxBase {
		name = name[:maxBase-3] + "..."
	}
	return name
}

// plainName is a ServicePort's name before it is hashed.
func plainName(p *backends.ServicePort) string {
	return p.Namespace + "/" + p.Name + "/" + protocol(p) + "/" + p.PortName
}

// endpointName names a ServicePort's endpoint. Colons are not allowed in a name.
func endpointName(plain string, e *backends.Endpoint) string {
	ip := strings.ReplaceAll(e.Addr.Addr().String(), ":", ".")
	return hashed(plain + "__" + ip + "/" + decimal(e.Addr.Port()))
}

// isServiceChain reports whether a chain is one of a ServicePort or an
// endpoint: no other has a slash in its name.
func isServiceChain(name string) bool { return strings.Contains(name, "/") }

const affinityPrefix = "affinity-"

func protocol(p *backends.ServicePort) string { return strings.ToLower(string(p.Protocol)) }
