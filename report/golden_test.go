package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestTableGolden(t *testing.T) {
	r, err := Build(invented(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"table", "md"} { // the others are tested on a small run
		t.Run(format, func(t *testing.T) {
			var got bytes.Buffer
			if err := r.Table(&got, format); err != nil {
				t.Fatal(err)
			}
			golden(t, "invented."+format, got.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; see with -update what changed. got:\n%s", path, got)
	}
}
