package backendtest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/svcmark/svcmark/backends/backendtest"
)

func nftablesExpectations() backendtest.Expectations {
	return backendtest.Expectations{Refuses: true, Dump: nftablesDump, Foreign: nftablesForeign}
}

// nftablesDump is nft -j list ruleset, an object a line, without what the
// kernel chooses (handles, the order of objects and of elements), the clients
// that affinity sets remember, and the empty chains of Services, which nothing
// leads to and which wait to be deleted.
func nftablesDump(ctx context.Context) (string, error) { return nftablesRuleset(ctx, false) }

// nftablesRuleset is nftablesDump, and all of Services' chains when waiting ones
// are asked for.
func nftablesRuleset(ctx context.Context, waiting bool) (string, error) {
	text, err := run(ctx, "", "nft", "-j", "list", "ruleset")
	if err != nil {
		return "", err
	}
	return normalise(text, waiting)
}

// object is what nft lists: its kind, and its fields.
type object struct {
	kind   string
	fields map[string]any
}

// where is the table and name that objects are ordered by, a rule beside its
// chain.
func (o object) where() string {
	name := o.fields["name"]
	if o.kind == "rule" {
		name = o.fields["chain"]
	}
	table := o.fields["table"]
	if o.kind == "table" {
		table, name = name, ""
	}
	return fmt.Sprint(o.fields["family"], " ", table, " ", name)
}

func normalise(text string, waiting bool) (string, error) {
	var list struct {
		Objects []map[string]map[string]any `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return "", err
	}
	var objects []object
	rules := map[string]bool{} // chains that have some
	for _, entry := range list.Objects {
		for kind, fields := range entry {
			if kind == "metainfo" {
				continue
			}
			delete(fields, "handle")
			o := object{kind, fields}
			if kind == "rule" {
				rules[o.where()] = true
			}
			sortElements(o)
			objects = append(objects, o)
		}
	}
	// Stable: the rules of a chain keep their order.
	slices.SortStableFunc(objects, func(a, b object) int {
		return cmp.Or(cmp.Compare(a.where(), b.where()), cmp.Compare(a.kind, b.kind))
	})
	var b strings.Builder
	for _, o := range objects {
		if !waiting && o.kind == "chain" && strings.Contains(o.where(), "/") && !rules[o.where()] {
			continue
		}
		line, err := json.Marshal(o.fields)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %s\n", o.kind, line)
	}
	return b.String(), nil
}

func sortElements(o object) {
	elements, ok := o.fields["elem"].([]any)
	switch name, _ := o.fields["name"].(string); {
	case strings.HasPrefix(name, "affinity-"):
		delete(o.fields, "elem")
	case ok:
		slices.SortFunc(elements, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

// Tables of others: in another family by the backend's own name, and in the
// same families by names like it.
const foreignTables = `
table inet kube-proxy {
	map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
	chain services { ip saddr 203.0.113.1 drop; }
}
table ip kube-proxy2 {
	set cluster-ips { type ipv4_addr; elements = { 203.0.113.2 } }
	chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; ip daddr @cluster-ips return; }
}
table ip6 kube {
	chain service-AAAAAAAA-a/b/tcp/ { drop; }
}
`

func nftablesForeign(ctx context.Context) (func() error, error) {
	if _, err := run(ctx, foreignTables, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	return func() error {
		_, err := run(context.Background(), "delete table inet kube-proxy\ndelete table ip kube-proxy2\ndelete table ip6 kube\n", "nft", "-f", "-")
		return err
	}, nil
}
