package measure_test

import (
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/backends/iptables"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
)

// Rules that match nothing are found again with their size: each connection of its own passes
// all of them once, at 26 instructions each, and so does none that stays open. TestVMLoad runs
// this in the virtual clock; in the wall clock it is enough that the rules are in nobody's way.
func TestExtraRulesAreFoundAgain(t *testing.T) {
	const perRule = 26
	cell := underLoad(programmed(t, func() backends.Backend { return iptables.New(iptables.Legacy) }))
	both := map[string]measure.Measurement{"connectionRate": measure.ConnectionRate{}, "cpuAtRate": measure.CPUAtRate{}}
	cost := func() map[string]map[string]map[string]float64 {
		all := map[string]map[string]map[string]float64{}
		for name, m := range both {
			all[name] = byConnection(t, m, cell)
		}
		return all
	}
	if cell.Clock != lab.Virtual {
		extraRules(t, "-I")
		cost()
		extraRules(t, "-D")
		return
	}
	cost() // what is done once is done
	before := cost()
	extraRules(t, "-I")
	after := cost()
	extraRules(t, "-D")
	for name := range both {
		for connection, want := range map[string]float64{"short": rules * perRule, "keep-alive": 0} {
			more := after[name][connection]["insns/op"] - before[name][connection]["insns/op"]
			t.Logf("%s: %d rules: %+.1f insns of %.1f a request, %s", name, rules, more, before[name][connection]["insns/op"], connection)
			if math.Abs(more-want) > 0.1*rules*perRule {
				t.Errorf("%s, %s: %d rules cost %.1f instructions a request, want %.0f", name, connection, rules, more, want)
			}
		}
	}
}

// rules is how many extra ones there are.
const rules = 4000

// extraRules puts rules that nothing matches before all others of the chain PREROUTING, or
// takes them away.
func extraRules(t *testing.T, command string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("*nat\n")
	for i := range rules {
		fmt.Fprintf(&b, "%s PREROUTING -d 203.0.113.%d/32 -j RETURN\n", command, i%250+1)
	}
	b.WriteString("COMMIT\n")
	cmd := exec.Command("iptables-legacy-restore", "--noflush")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%d extra rules: %v: %s", rules, err, out)
	}
}
