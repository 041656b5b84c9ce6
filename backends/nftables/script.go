package nftables

import (
	"net/netip"
	"strconv"
)

const tableName = "kube-proxy"

// script gathers commands for nft -f that work on one family's table.
type script struct {
	table []byte // "ip kube-proxy "
	b     []byte
}

func newScript(f *family) *script { return &script{table: []byte(f.ip + " " + tableName + " ")} }

// cmd begins a command on what is named next: "add chain ip kube-proxy ".
func (s *script) cmd(verbAndKind string) *script {
	s.str(verbAndKind)
	s.b = append(s.b, ' ')
	s.b = append(s.b, s.table...)
	return s
}

func (s *script) str(parts ...string) *script {
	for _, p := range parts {
		s.b = append(s.b, p...)
	}
	return s
}

func (s *script) addr(a netip.Addr) *script {
	s.b = a.AppendTo(s.b)
	return s
}

func (s *script) num(n uint64) *script {
	s.b = strconv.AppendUint(s.b, n, 10)
	return s
}

// comment is for the end of a rule, where it may be "" for none.
func (s *script) comment(c string) *script {
	if c != "" {
		s.str(` comment "`, c, `"`)
	}
	return s
}

func (s *script) end() { s.b = append(s.b, '\n') }

// rule appends a rule to a chain.
func (s *script) rule(chain, comment string, parts ...string) {
	s.cmd("add rule").str(chain, " ").str(parts...).comment(comment).end()
}

func decimal(n uint16) string { return strconv.FormatUint(uint64(n), 10) }
