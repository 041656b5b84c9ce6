package ipvs_test

import (
	"embed"
	"regexp"
	"slices"
	"strings"
)

// goldenFiles are embedded: the test binary runs in a microVM that has no
// sources.
//
//go:embed testdata
var goldenFiles embed.FS

func sortBy(lines []string, key func(string) string) {
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(key(a), key(b)) })
}

var addrLine = regexp.MustCompile(`(?m)^    inet6? .*\n.*\n`)

// addrsOrdered sorts the addresses of a dump: a device lists them in the order
// in which they came.
func addrsOrdered(dump string) string {
	addrs := addrLine.FindAllString(dump, -1)
	slices.Sort(addrs)
	return addrLine.ReplaceAllString(dump, "") + strings.Join(addrs, "")
}
