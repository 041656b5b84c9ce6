package nftables

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// found is what a family's table holds.
type found struct {
	chains   map[string]int    // how many rules each has
	affinity map[string]uint32 // the affinity sets and their timeouts, in seconds
	sets     map[string]bool   // all other sets and maps
	// foreign is something that no state of this layout has, "" for none.
	foreign string
}

func (is *found) hasChain(name string) bool {
	_, ok := is.chains[name]
	return ok
}

// listed is an object as nft prints it.
type listed struct {
	Table *struct{}    `json:"table"`
	Chain *listedChain `json:"chain"`
	Rule  *struct {
		Chain string `json:"chain"`
	} `json:"rule"`
	Set  *listedSet `json:"set"`
	Map  *listedSet `json:"map"`
	Meta *struct{}  `json:"metainfo"`
}

type listedChain struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Hook   string `json:"hook"`
	Prio   int    `json:"prio"`
	Policy string `json:"policy"`
}

type listedSet struct {
	Name    string   `json:"name"`
	Type    keyType  `json:"type"`
	Map     string   `json:"map"`
	Flags   []string `json:"flags"`
	Timeout uint32   `json:"timeout"`
}

// keyType is a set's type as it is written: nft prints a list for a
// concatenation.
type keyType string

func (k *keyType) UnmarshalJSON(b []byte) error {
	var parts []string
	if err := json.Unmarshal(b, &parts); err == nil {
		*k = keyType(strings.Join(parts, " . "))
		return nil
	}
	return json.Unmarshal(b, (*string)(k))
}

// find reads what a family's table holds, nil when there is no table.
func (t tool) find(ctx context.Context, f *family) (*found, error) {
	text, err := t.list(ctx, f)
	if err != nil || text == nil {
		return nil, err
	}
	return f.parseList(text)
}

func (f *family) parseList(text []byte) (*found, error) {
	var all struct {
		Objects []listed `json:"nftables"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("reading what nft prints: %w", err)
	}
	is := &found{chains: map[string]int{}, affinity: map[string]uint32{}, sets: map[string]bool{}}
	for _, o := range all.Objects {
		switch {
		case o.Chain != nil:
			is.chains[o.Chain.Name] += 0
			is.expect(f.knowsChain(o.Chain), "chain", o.Chain.Name)
		case o.Rule != nil:
			is.chains[o.Rule.Chain]++
		case o.Set != nil && strings.HasPrefix(o.Set.Name, affinityPrefix):
			is.affinity[o.Set.Name] = o.Set.Timeout
			is.expect(string(o.Set.Type) == f.addr && slices.Contains(o.Set.Flags, "timeout"), "set", o.Set.Name)
		case o.Set != nil:
			is.sets[o.Set.Name] = true
			is.expect(f.knowsSet(o.Set, "set"), "set", o.Set.Name)
		case o.Map != nil:
			is.sets[o.Map.Name] = true
			is.expect(f.knowsSet(o.Map, "map"), "map", o.Map.Name)
		case o.Table == nil && o.Meta == nil:
			is.expect(false, "object", "of another kind")
		}
	}
	return is, nil
}

func (is *found) expect(known bool, kind, name string) {
	if !known && is.foreign == "" {
		is.foreign = kind + " " + name
	}
}

func (f *family) knowsChain(c *listedChain) bool {
	for _, b := range baseChains() {
		if b.name == c.Name {
			return *c == listedChain{b.name, b.kind, b.hook, b.priority, "accept"}
		}
	}
	return c.Hook == "" && (isServiceChain(c.Name) || slices.Contains(f.layout.plainChains(), c.Name))
}

func (f *family) knowsSet(s *listedSet, kind string) bool {
	if len(s.Flags) > 0 {
		return false
	}
	for _, c := range f.layout.containers() {
		if c.name() == s.Name {
			return c.kind() == kind && string(s.Type) == c.keyType(f.addr) && (s.Map == "verdict") == (kind == "map")
		}
	}
	return false
}

// elements reads what the containers hold that are there.
func (f *family) elements(ctx context.Context, is *found) (map[element]verdict, error) {
	nft, err := knftables.New(f.knft(), tableName)
	if err != nil {
		return nil, err
	}
	elements := map[element]verdict{}
	for _, c := range f.layout.containers() {
		if !is.sets[c.name()] {
			continue
		}
		list, err := nft.ListElements(ctx, c.kind(), c.name())
		if err != nil {
			return nil, stopped(ctx, err)
		}
		for _, e := range list {
			v := verdict{to: strings.Join(e.Value, " . ")}
			if e.Comment != nil {
				v.comment = *e.Comment
			}
			elements[element{c, strings.Join(e.Key, " . ")}] = v
		}
	}
	return elements, nil
}

// stopped is why nft failed: the context's end, or what it said.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("nft was stopped: %w", ctx.Err())
	}
	return err
}
