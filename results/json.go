package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // reasons hold console lines: keep < and > readable
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.Bytes(), err
}

// decodeJSON reads one JSON value and nothing after it. Unknown keys are
// allowed: a newer svcmark may say more within the same format number. A
// mistake is a *SyntaxError with the file's name and line.
func decodeJSON(data []byte, file string, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(v)
	at := dec.InputOffset()
	var (
		syntax *json.SyntaxError
		typ    *json.UnmarshalTypeError
	)
	switch {
	case err == nil:
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return &SyntaxError{file, lineAt(data, at), "something follows the end of the JSON value"}
		}
		return nil
	case errors.Is(err, io.EOF):
		return &SyntaxError{file, 1, "the file is empty"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &SyntaxError{file, lineAt(data, int64(len(data))), "the file ends in the middle of its JSON value"}
	case errors.As(err, &syntax):
		return &SyntaxError{file, lineAt(data, syntax.Offset), err.Error()}
	case errors.As(err, &typ):
		return &SyntaxError{file, lineAt(data, typ.Offset), fmt.Sprintf("%s is a JSON %s; it must be a %s", typ.Field, typ.Value, typ.Type)}
	default:
		return &SyntaxError{file, 0, err.Error()}
	}
}

// lineAt is the 1-based line of a byte.
func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}
