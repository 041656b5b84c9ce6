package claims

import (
	"embed"
	"slices"
	"time"
)

//go:embed scenarios/*.yaml
var files embed.FS

// Scenario is what has to be run for claims.
type Scenario struct {
	Name string
	Text []byte
	// Quick are the numbers of Services that are enough for most verdicts.
	Quick []int
	// Effort is what the scenario's cells take of one core of an idle machine of 2026 in
	// the virtual clock, together; QuickEffort is that of Quick.
	Effort, QuickEffort time.Duration
}

// known are the scenarios, the shortest to explain first.
var known = []Scenario{
	{Name: "growth", Quick: []int{100, 1000, 5000}, Effort: 850 * time.Second, QuickEffort: 320 * time.Second},
	{Name: "one-by-one", Quick: []int{1, 30, 100, 300}, Effort: 90 * time.Second, QuickEffort: 90 * time.Second},
	{Name: "load", Quick: []int{10, 1000, 5000}, Effort: 220 * time.Second, QuickEffort: 150 * time.Second},
	{Name: "during-sync", Quick: []int{1000}, Effort: 8 * time.Second, QuickEffort: 8 * time.Second},
	{Name: "restart", Quick: []int{300}, Effort: 190 * time.Second, QuickEffort: 20 * time.Second},
	{Name: "load-balancers", Quick: []int{100}, Effort: 5 * time.Second, QuickEffort: 5 * time.Second},
}

// Scenarios are those that claims need, each once.
func Scenarios(claims []Claim) ([]Scenario, error) {
	var all []Scenario
	for _, s := range known {
		if !slices.ContainsFunc(claims, func(c Claim) bool { return slices.Contains(c.scenarios, s.Name) }) {
			continue
		}
		text, err := files.ReadFile("scenarios/" + s.Name + ".yaml")
		if err != nil {
			return nil, err
		}
		s.Text = text
		all = append(all, s)
	}
	return all, nil
}
