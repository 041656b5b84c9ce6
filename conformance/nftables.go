package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// captureNFTables reads kube-proxy's table of each family.
func captureNFTables(ctx context.Context) ([]section, error) {
	var sections []section
	for _, family := range []string{"ip", "ip6"} {
		s := section{name: "nft -j list table " + family + " kube-proxy"}
		text, err := run(ctx, "nft", "-j", "list", "table", family, "kube-proxy")
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			sections = append(sections, section{s.name, []string{"no such table"}})
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.lines, err = normaliseNFT(text); err != nil {
			return nil, err
		}
		sections = append(sections, s)
	}
	return sections, nil
}

// object is one object of nft's list: its kind, its name, and what it is.
type object struct {
	kind, name string
	value      map[string]any
}

// normaliseNFT gives one object a line, and one element a line:
//   - handles go, which count what was ever made;
//   - tables, sets, maps and chains are in the order of their kinds and names, and
//     rules in that of their chains' names, each chain's own in their order;
//   - elements are sorted: the kernel keeps them in hash tables. That is true of
//     sets within rules as well, whose keys are part of their elements.
func normaliseNFT(text string) ([]string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var list struct{ NFTables []map[string]map[string]any }
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("what nft says is not JSON: %w", err)
	}
	var objects []object
	for _, entry := range list.NFTables {
		for kind, value := range entry {
			if kind == "metainfo" {
				continue
			}
			delete(value, "handle")
			name, _ := value["name"].(string)
			if kind == "rule" {
				name, _ = value["chain"].(string)
			}
			objects = append(objects, object{kind, name, value})
		}
	}
	order := []string{"table", "set", "map", "chain", "rule"}
	slices.SortStableFunc(objects, func(a, b object) int {
		return cmp.Or(slices.Index(order, a.kind)-slices.Index(order, b.kind), cmp.Compare(a.name, b.name))
	})
	var lines []string
	for _, o := range objects {
		elements, _ := o.value["elem"].([]any)
		delete(o.value, "elem")
		line, err := compact(sortSets(o.value))
		if err != nil {
			return nil, err
		}
		lines = append(lines, o.kind+" "+line)
		inner := make([]string, len(elements))
		for i, e := range elements {
			if inner[i], err = compact(e); err != nil {
				return nil, err
			}
		}
		slices.Sort(inner)
		for _, e := range inner {
			lines = append(lines, "  "+e)
		}
	}
	return lines, nil
}

// sortSets sorts the elements of every set and map within a rule.
func sortSets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = sortSets(inner)
			if list, ok := v[key].([]any); ok && key == "set" {
				slices.SortFunc(list, func(a, b any) int {
					x, _ := compact(a) // they came from JSON
					y, _ := compact(b)
					return strings.Compare(x, y)
				})
			}
		}
	case []any:
		for i := range v {
			v[i] = sortSets(v[i])
		}
	}
	return v
}

// compact is JSON with sorted keys in one line.
func compact(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
