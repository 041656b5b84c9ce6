package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

// scripts are the page's in their order: each uses those before it.
var scripts = []string{"number.js", "scale.js", "plot.js", "timeline.js", "table.js", "deltas.js", "app.js"}

// Frame is the look and the script of a page, and what lets the browser run and load
// this very text and nothing from elsewhere. Other pages than a report's have them,
// too: the script draws the figures of Data, from an element figures-data, into
// elements that have the figure's name in data-figure, and needs elements tip and theme.
type Frame struct {
	Policy string // of Content-Security-Policy
	Style  template.CSS
	Script template.JS
}

// NewFrame reads the assets.
func NewFrame() (Frame, error) {
	style, err := assets.ReadFile("style.css")
	if err != nil {
		return Frame{}, err
	}
	var script bytes.Buffer
	for _, name := range scripts {
		text, err := assets.ReadFile(name)
		if err != nil {
			return Frame{}, err
		}
		script.Write(text)
	}
	return Frame{
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src " + hash(style) + "; script-src " + hash(script.Bytes()),
		Style:  template.CSS(style),          //nolint:gosec // ours, embedded
		Script: template.JS(script.String()), //nolint:gosec // ours, embedded
	}, nil
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
