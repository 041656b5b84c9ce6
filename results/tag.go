package results

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tagsOf are the results' names in the files beside samples.txt: the name of a result and,
// after a #, which of that name, from 0.
func tagsOf(results []Result) []string {
	var tags []string
	seen := map[string]int{}
	for i := range results {
		name := results[i].Name()
		tags = append(tags, name+"#"+strconv.Itoa(seen[name]))
		seen[name]++
	}
	return tags
}

func byTag(results []Result) map[string]*Result {
	at := map[string]*Result{}
	for i, tag := range tagsOf(results) {
		at[tag] = &results[i]
	}
	return at
}

// writeFolder writes files, which are by measurement, into a folder of a run directory;
// without files there is none.
func writeFolder(dir, folder, ext string, files map[string]*bytes.Buffer) error {
	to := filepath.Join(dir, folder)
	if err := os.RemoveAll(to); err != nil { // of an attempt that did not end
		return err
	}
	if len(files) == 0 {
		return nil
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for m, b := range files {
		if err := writeFile(filepath.Join(to, m+ext), writeBytes(b.Bytes())); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// readFolder decodes the files of such a folder. Runs without it are old ones.
func readFolder(dir, folder, ext string, decode func(data []byte, path string) error) error {
	files, err := os.ReadDir(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ext) || strings.HasPrefix(f.Name(), tempPrefix) {
			continue
		}
		path := filepath.Join(dir, folder, f.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := decode(data, path); err != nil {
			return err
		}
	}
	return nil
}
