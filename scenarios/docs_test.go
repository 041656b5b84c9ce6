package scenarios_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/svcmark/svcmark/scenarios"
)

// What docs/scenarios.md shows is a scenario, whole or the Services of one, and
// can be generated.
func TestDocsExamples(t *testing.T) {
	doc, err := os.ReadFile("../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(doc, -1)
	if len(blocks) != 4 {
		t.Fatalf("docs/scenarios.md has %d examples, want 4", len(blocks))
	}
	const head = "apiVersion: svcmark/v1\nkind: Scenario\nmetadata: {name: t}\nmeasure: [sync]\n"
	for _, text := range []string{
		string(blocks[0][1]),
		head + "services: {count: 10, endpoints: 3}\n" + string(blocks[1][1]),
		head + "services: {count: 10, endpoints: 3}\n" + string(blocks[2][1]),
		head + "backends: [ipvs]\n" + string(blocks[3][1]),
	} {
		s, err := scenarios.Parse("docs/scenarios.md", []byte(text), scenarios.Known{})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, p := range s.Points() {
			if err := s.State(p.Services, p.Endpoints).Check(); err != nil {
				t.Error(err)
			}
		}
	}
}
