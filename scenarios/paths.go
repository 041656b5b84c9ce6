package scenarios

import (
	"fmt"
	"strings"
)

// Paths name values: services.count[2] is the third item of the list count in
// the mapping services, and "" the whole document.

func join(path, key string) string {
	if path == "" {
		return clipKey(key)
	}
	return path + "." + clipKey(key)
}

// clipKey keeps a hostile key from filling a message; valid keys are shorter.
func clipKey(key string) string {
	if q := quote(key); q != `"`+key+`"` {
		return q
	}
	return key
}

// item is the path of the i-th of n items of a list.
func item(path string, i, n int) string {
	if n == 1 {
		return path
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

// within says whether a path is another one or below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || above == "" || rest[0] == '.' || rest[0] == '[')
}
