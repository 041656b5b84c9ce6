package scenarios

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of what a scenario may hand to a program.
const (
	maxArguments     = 100
	maxText          = 4096
	maxConfiguration = 64 << 10
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// checkBackends takes names and definitions together.
func (s *Scenario) checkBackends(ps *problems, known Known) {
	valid := known.Backends
	if valid != nil {
		valid = slices.Clone(valid)
		for i := range s.Programs {
			valid = append(valid, s.Programs[i].Name)
		}
	}
	checkNames(ps, "backends", "backend", s.Backends, valid)
	for _, l := range s.Limits {
		path := join("limits", l.Backend)
		checkName(ps, path, "backend", l.Backend, valid)
		checkRange(ps, path+".services", l.Services, maxServices)
	}
	for i, name := range s.Backends {
		p := s.program(name)
		if p == nil {
			continue
		}
		path, had := item("backends", i, len(s.Backends)), len(*ps)
		if slices.Contains(known.Backends, name) {
			ps.add(path, "%s is the name of a built-in backend; choose another", quote(name))
		}
		if p.Exec != nil {
			p.Exec.check(ps, join(path, "exec"))
		} else {
			p.KubeProxy.check(ps, join(path, "kubeProxy"))
		}
		if len(*ps) == had && known.Program != nil {
			if err := known.Program(p); err != nil {
				ps.add(path, "%s", printable(err.Error()))
			}
		}
	}
}

func (e *Exec) check(ps *problems, path string) {
	checkTexts(ps, join(path, "command"), e.Command)
	if len(e.Command) == 0 || e.Command[0] == "" {
		ps.add(join(path, "command"), "names no program; want one such as [./my-proxy]")
	}
	for _, v := range e.Env {
		at := join(join(path, "env"), v.Name)
		if len(v.Name) > maxText || !variableName.MatchString(v.Name) {
			ps.add(at, "%s is no name of a variable; want letters, digits and _", quote(v.Name))
		}
		checkText(ps, at, v.Value)
	}
	if len(e.Env) > maxArguments {
		ps.add(join(path, "env"), "has %d variables; want at most %d", len(e.Env), maxArguments)
	}
	ready := join(path, "ready")
	checkDuration(ps, join(ready, "timeout"), e.Ready.Timeout, time.Second, time.Hour)
	checkDuration(ps, join(ready, "interval"), e.Ready.Interval, time.Millisecond, time.Second)
}

func (k *KubeProxy) check(ps *problems, path string) {
	checkTexts(ps, join(path, "flags"), k.Flags)
	if len(k.Configuration) > maxConfiguration {
		ps.add(join(path, "configuration"), "has %d bytes; want at most %d", len(k.Configuration), maxConfiguration)
		ps.with(join(path, "config"))
	}
}

func checkTexts(ps *problems, path string, texts []string) {
	if len(texts) > maxArguments {
		ps.add(path, "has %d values; want at most %d", len(texts), maxArguments)
		return
	}
	for i, t := range texts {
		checkText(ps, item(path, i, len(texts)), t)
	}
}

func checkText(ps *problems, path, text string) {
	if len(text) > maxText {
		ps.add(path, "has %d bytes; want at most %d", len(text), maxText)
	} else if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		ps.add(path, "holds a control character; want plain text")
	}
}

func checkDuration(ps *problems, path string, d, least, most time.Duration) {
	if d < least || d > most {
		ps.add(path, "is %s; want %s to %s", d, least, most)
	}
}

// printable is a text without what a terminal would take for a command.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
