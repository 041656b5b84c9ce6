package backendtest

import (
	"fmt"
	"strings"
)

// Table is the table of behaviours as a page of Markdown: what the suite holds
// every backend to.
func Table() string {
	var b strings.Builder
	b.WriteString(`# What clients see

Each line is asked with real packets of every backend, in IPv4 and in IPv6, on a node with both and on one with IPv6 alone
(package backends/backendtest, which this page is made from). The words:

| word | means |
| --- | --- |
`)
	for _, o := range outcomes() {
		fmt.Fprintf(&b, "| %s | %s |\n", o.outcome, o.means)
	}
	b.WriteString("\n`direct` programs nothing, and its clients dial an endpoint: nothing here applies to it. " +
		"A machine outside reaches the node's and the Services' addresses through the node.\n")
	group := ""
	for _, row := range behaviours() {
		if row.group != group {
			group = row.group
			fmt.Fprintf(&b, "\n## %s\n\n| |", group)
			for _, c := range Columns() {
				fmt.Fprintf(&b, " %s |", c)
			}
			b.WriteString("\n|" + strings.Repeat(" --- |", 1+len(Columns())) + "\n")
		}
		fmt.Fprintf(&b, "| %s |", row.says)
		for _, c := range Columns() {
			fmt.Fprintf(&b, " %s |", row.want.of(c))
		}
		b.WriteString("\n")
	}
	return b.String()
}

type meaning struct {
	outcome Outcome
	means   string
}

// outcomes are all words that the table uses.
func outcomes() []meaning {
	return []meaning{
		{AsItself, "every endpoint that should answer does, and no other; they see the client's own address"},
		{AsNode, "the same, but they see an address of the node"},
		{TCPAlone, "masqueraded over TCP, and silence over UDP"},
		{Refused, "an ICMP error or a reset comes at once"},
		{Silent, "nothing comes: the packet is dropped"},
		{Dropped, "a TCP connection is accepted, and then closed; a UDP packet is taken, and nothing comes"},
		{PassedOn, "the packet is none of the dataplane's business, and leaves the node by its routes"},
		{Every, "every ready endpoint answers"},
		{OnNode, "the endpoints on the node answer, and no other"},
		{OffNode, "endpoints on other nodes get the packet, and see the client's own address: unless their replies pass this node again, as they do here, the client does not know them"},
		{AtRandom, "independently, each with the same probability"},
		{InTurn, "one after the other, round and round"},
		{AtTimeout, "as soon as its timeout has passed without a connection"},
		{Later, "when the connections under it are forgotten too, which takes minutes"},
		{Stays, "it goes on to the endpoint that is gone, which may not answer"},
		{Yes, "it is so"},
		{NA, "it does not apply"},
	}
}
