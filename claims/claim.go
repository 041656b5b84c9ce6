// Package claims holds what has been published about the dataplanes of Services, and
// says of each whether it holds on the kernel at hand. A claim is judged by the shape of
// what was measured: growth, order, ratio. Absolute times belong to the hardware that
// they were taken on and are shown, not compared.
package claims

import "fmt"

// Claim is one published statement.
type Claim struct {
	ID        string // C1
	Source    string
	Says      string // in our words
	Published string // its figures, as short as they can be told
	scenarios []string
	// size is how many Services must have been measured for a claim not to hold: it
	// speaks of so many, or more. 0 is any.
	size  float64
	judge func(*evidence) Verdict
	// beside is what a source gives figures of: nil where it gives none, or one alone.
	beside *beside
}

// Word is what a verdict comes to.
type Word string

// The words.
const (
	Holds       Word = "holds"
	DoesNotHold Word = "does not hold"
	HoldsInPart Word = "holds in part"
	CannotJudge Word = "cannot be judged here"
)

// Verdict is what was found of a claim.
type Verdict struct {
	Word     Word
	Reason   string   // one sentence
	Measured []string // the figures that it rests on
}

// Finding is a claim and its verdict.
type Finding struct {
	Claim
	Verdict
}

// Select gives the claims with these IDs in the list's order, all for none.
func Select(ids []string) ([]Claim, error) {
	all := list()
	if len(ids) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	var some []Claim
	for _, c := range all {
		if wanted[c.ID] {
			some = append(some, c)
			delete(wanted, c.ID)
		}
	}
	for id := range wanted {
		return nil, fmt.Errorf("there is no claim %q; they are %s to %s", id, all[0].ID, all[len(all)-1].ID)
	}
	return some, nil
}

// Judge judges claims by runs of the scenarios that they need, by the scenario's name.
func Judge(claims []Claim, runs Runs) []Finding {
	var all []Finding
	for _, c := range claims {
		e := &evidence{runs: runs}
		v := c.judge(e)
		switch {
		case e.missing != "":
			v = Verdict{Word: CannotJudge, Reason: e.missing}
		case v.Word != Holds && e.reached < c.size:
			v = Verdict{Word: CannotJudge, Reason: fmt.Sprintf("It speaks of %s Services and more, and %s were measured. Up to there: %s", number(c.size), number(e.reached), v.Reason)}
		}
		v.Measured = e.figures
		all = append(all, Finding{c, v})
	}
	return all
}
