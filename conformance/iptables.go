package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// captureIPTables reads both families' tables.
func captureIPTables(ctx context.Context, variant string) ([]section, error) {
	var sections []section
	for _, family := range []string{"iptables", "ip6tables"} {
		tool := family + strings.TrimPrefix(variant, "iptables") + "-save"
		for _, table := range []string{"mangle", "filter", "nat"} {
			text, err := run(ctx, tool, "-t", table)
			if err != nil {
				return nil, err
			}
			sections = append(sections, section{family + "-save -t " + table, normaliseTable(text)})
		}
	}
	return sections, nil
}

// normaliseTable puts a table, as iptables-save prints it, into an order that
// kube-proxy's random one does not reach:
//   - counters go, and the lines around the rules;
//   - chains are in alphabetical order, each followed by its rules: the order of
//     rules of different chains is nothing to the kernel;
//   - in the chains that have rules of every Service, those are sorted
//     (sortServices). All other chains' rules stay in their order.
func normaliseTable(text string) []string {
	policies := map[string]string{}
	rules := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, ":"):
			fields := strings.Fields(line[1:])
			policies[fields[0]] = fields[1]
		case strings.HasPrefix(line, "-A "):
			chain, _, _ := strings.Cut(line[3:], " ")
			rules[chain] = append(rules[chain], line)
		case line == "", line[0] == '#', line[0] == '*', line == "COMMIT":
		default: // nothing is hidden because it was not expected
			rules[""] = append(rules[""], line)
		}
	}
	lines := rules[""]
	for _, chain := range slices.Sorted(maps.Keys(policies)) {
		lines = append(lines, ":"+chain+" "+policies[chain])
		if slices.Contains(dispatchers, chain) {
			rules[chain] = sortServices(rules[chain])
		}
		lines = append(lines, rules[chain]...)
	}
	return lines
}

// dispatchers are the chains that have rules of every Service.
var dispatchers = []string{"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL", "KUBE-IPVS-OUT-FILTER"}

// sortServices sorts the rules of a chain by the ServicePort that they name.
// kube-proxy walks its Services in the order of a Go map, and writes all rules of
// one into a chain before those of the next; so what is sorted is runs of rules
// of one ServicePort, whose own order stays. Rules that name none stay where
// they are, and runs do not pass them.
func sortServices(rules []string) []string {
	var sorted []string
	var runs [][]string // since the last rule that names no ServicePort
	flush := func() {
		slices.SortStableFunc(runs, func(a, b []string) int { return strings.Compare(owner(a[0]), owner(b[0])) })
		for i, r := range runs {
			if i > 0 && owner(runs[i-1][0]) == owner(r[0]) {
				sorted = append(sorted, fmt.Sprintf("# rules of %s are in two places", owner(r[0])))
			}
			sorted = append(sorted, r...)
		}
		runs = nil
	}
	for _, rule := range rules {
		name := owner(rule)
		switch {
		case name == "":
			flush()
			sorted = append(sorted, rule)
		case len(runs) > 0 && owner(runs[len(runs)-1][0]) == name:
			runs[len(runs)-1] = append(runs[len(runs)-1], rule)
		default:
			runs = append(runs, []string{rule})
		}
	}
	flush()
	return sorted
}

// owner is the ServicePort that a rule names, with its protocol: the first word of
// its comment, if that is namespace/name. Rules of IPVS's that name no Service
// are owned by the address that they are about.
func owner(rule string) string {
	if strings.HasPrefix(rule, "-A KUBE-IPVS-OUT-FILTER ") {
		return rule
	}
	_, comment, found := strings.Cut(rule, "--comment ")
	if !found {
		return ""
	}
	if quoted, ok := strings.CutPrefix(comment, `"`); ok {
		comment, _, _ = strings.Cut(quoted, `"`)
	}
	name, _, _ := strings.Cut(comment, " ")
	if !strings.Contains(name, "/") {
		return ""
	}
	_, protocol, _ := strings.Cut(rule, " -p ")
	protocol, _, _ = strings.Cut(protocol, " ")
	return name + "/" + protocol
}
