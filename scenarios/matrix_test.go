package scenarios

import (
	"slices"
	"testing"
)

func TestPoints(t *testing.T) {
	s := &Scenario{
		Services: Services{Count: []int{100, 10}, Endpoints: []int{3, 1}},
		Backends: []string{"ipvs", "direct"},
		Limits:   []Limit{{"direct", 10}, {"elsewhere", 1}, {"ipvs", 100}},
	}
	want := []Point{
		{"ipvs", 100, 3}, {"ipvs", 100, 1}, {"ipvs", 10, 3}, {"ipvs", 10, 1},
		{"direct", 10, 3}, {"direct", 10, 1},
	}
	if got := s.Points(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	want = []Point{{"direct", 100, 3}, {"direct", 100, 1}}
	if got := s.Limited(); !slices.Equal(got, want) {
		t.Errorf("limited: got  %v\nwant %v", got, want)
	}
}
