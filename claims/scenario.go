package claims

import (
	"embed"
	"slices"
)

//go:embed scenarios/*.yaml
var files embed.FS

// Scenario is what has to be run for claims.
type Scenario struct {
	Name string
	Text []byte
	// Quick are the numbers of Services that are enough for most verdicts.
	Quick []int
}

// quick are the sizes of each scenario in a hurry.
var quick = []struct {
	name  string
	sizes []int
}{
	{"growth", []int{100, 300, 1000}},
	{"one-by-one", []int{30, 100, 300}},
	{"load", []int{10, 300, 1000}},
	{"during-sync", []int{1000}},
	{"restart", []int{300}},
	{"load-balancers", []int{100}},
}

// Scenarios are those that claims need, each once, the shortest to explain first.
func Scenarios(claims []Claim) ([]Scenario, error) {
	var all []Scenario
	for _, q := range quick {
		if !slices.ContainsFunc(claims, func(c Claim) bool { return slices.Contains(c.scenarios, q.name) }) {
			continue
		}
		text, err := files.ReadFile("scenarios/" + q.name + ".yaml")
		if err != nil {
			return nil, err
		}
		all = append(all, Scenario{q.name, text, q.sizes})
	}
	return all, nil
}
