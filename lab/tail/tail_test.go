package tail

import (
	"fmt"
	"slices"
	"testing"
)

func TestBufferIsBoundedAndPlain(t *testing.T) {
	var b Buffer
	for range 10_000 {
		fmt.Fprintln(&b, "a line that is repeated")
	}
	fmt.Fprint(&b, "\x1b[31mred\x00\r\n\n\tindented  \xff\n")
	lines := b.Lines()
	if len(b.text) > maxBytes || len(lines) != MaxLines {
		t.Errorf("%d bytes, %d lines", len(b.text), len(lines))
	}
	if want := []string{"[31mred", " indented  ?"}; !slices.Equal(lines[MaxLines-2:], want) {
		t.Errorf("it ends with %q, want %q", lines[MaxLines-2:], want)
	}
}
