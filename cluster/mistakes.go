package cluster

import (
	"fmt"
	"strconv"
	"strings"
)

// Mistake is one field of an object that the Kubernetes API would refuse.
type Mistake struct {
	Kind, Namespace, Name string
	Offset                int64  // where the object starts in the input, -1 when it came from no input
	Field                 string // such as spec.ports[0].name
	Message               string
}

// String is Kind namespace/name (at byte N): field: message. Names are quoted
// when they hold what no name can.
func (m Mistake) String() string {
	name := m.Name
	if m.Namespace != "" {
		name = m.Namespace + "/" + name
	}
	s := m.Kind + " " + quote(name)
	if m.Offset >= 0 {
		s += fmt.Sprintf(" (at byte %d)", m.Offset)
	}
	if m.Field != "" {
		s += ": " + m.Field
	}
	return s + ": " + m.Message
}

// Mistakes are the first of what is wrong, in the order of the input, and how
// many more there are.
type Mistakes struct {
	First []Mistake
	More  int
}

// maxMistakes keeps an input that is wrong all over from filling the memory.
const maxMistakes = 100

func (m *Mistakes) add(one Mistake) {
	if len(m.First) == maxMistakes {
		m.More++
		return
	}
	m.First = append(m.First, one)
}

// Error is one line for each mistake.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.First), len(m.First)+1)
	for i, one := range m.First {
		lines[i] = one.String()
	}
	if m.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more mistakes", m.More))
	}
	return strings.Join(lines, "\n")
}

// quote shows text of an object as it is when it is harmless, quoted when not,
// and not more than a line of it.
func quote(s string) string {
	const most = 130 // a namespace, a slash and a name
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	if q := strconv.Quote(s); q != `"`+s+`"` || s == "" || strings.ContainsRune(s, ' ') {
		return q
	}
	return s
}
