package results

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeRun(t *testing.T, meta, samples string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{metaFile: meta, samplesFile: samples} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadToleratesUnknownKeys(t *testing.T) {
	dir := writeRun(t, `{"format": 1, "mood": "good", "fingerprint": {"svcmark": "v9", "dials": 2}, "cells": null}`, twoBackendsText)
	run, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if run.Meta.Fingerprint.Svcmark != "v9" || len(run.Results) != 4 {
		t.Errorf("got %+v", run)
	}
}

func TestReadErrors(t *testing.T) {
	for _, tt := range []struct{ name, meta, samples, want string }{
		{"newer", `{"format": 2, "fingerprint": {"svcmark": "v9"}}`, "", `run.json: it is in format 2 and this svcmark reads format 1: use the svcmark that wrote it ("v9")`},
		{"other", `{"name": "npm"}`, "", "run.json: it has no format number"},
		{"empty", ``, "", "run.json:1: the file is empty"},
		{"cut", "{\n\"format\": 1,\n", "", "run.json:3: the file ends in the middle"},
		{"syntax", "{\n\"format\": 1,\n}", "", "run.json:3: invalid character '}'"},
		{"type", "{\n\"format\": \"1\"}", "", "run.json:2: format is a JSON string; it must be a int"},
		{"more", "{\"format\": 1}\n{}", "", "run.json:1: something follows"},
		{"binary", "\x7fELF", "", "run.json:1: invalid character"},
		{"label", `{"format": 1, "cells": [{"labels": ["ipvs"], "status": "ok"}]}`, "", `label "ipvs" has no =`},
		{"status", `{"format": 1, "cells": [{"labels": ["backend=ipvs"], "status": "great"}]}`, "", `status "great"`},
		{"samples", `{"format": 1}`, "ok\n", `samples.txt:1: "ok" is neither`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(writeRun(t, tt.meta, tt.samples))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a run") {
		t.Errorf("an empty directory: %v", err)
	}
	dir := writeRun(t, `{"format": 1}`, "")
	if err := os.Remove(filepath.Join(dir, samplesFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "not whole") {
		t.Errorf("samples.txt is missing: %v", err)
	}
}

// No run.json makes the reader panic, and what it accepts it writes again.
func FuzzReadMeta(f *testing.F) {
	f.Add([]byte(`{"format": 1, "started": "2026-01-02T03:04:05Z", "cells": [{"labels": ["backend=ipvs"], "status": "failed", "reason": "x"}]}`))
	f.Add([]byte("{\n\"format\": \"1\"}"))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeMeta(data, metaFile)
		if err != nil {
			return
		}
		out, err := encodeJSON(m)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		if _, err := decodeMeta(out, metaFile); err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, out)
		}
	})
}
