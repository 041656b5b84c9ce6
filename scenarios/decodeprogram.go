package scenarios

import (
	"slices"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"
)

// backends reads a list of names and of definitions.
func (d *decoder) backends(s *Scenario) value {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.wrongType(path, n, "a list of names")
			return
		}
		s.Backends = items(d, path, n, func(path string, n *yaml.Node, to *string) {
			if n.Kind != yaml.MappingNode {
				d.text(to)(path, n)
				return
			}
			if p, ok := d.program(path, n); ok {
				*to = p.Name
				s.Programs = append(s.Programs, p)
			}
		})
	}
}

// program reads {exec: {…}} or {kubeProxy: {…}}.
func (d *decoder) program(path string, n *yaml.Node) (p Program, ok bool) {
	had := len(d.mistakes)
	d.object(
		optional("exec", func(path string, n *yaml.Node) { p.Exec = new(Exec); d.exec(&p)(path, n) }),
		optional("kubeProxy", func(path string, n *yaml.Node) { p.KubeProxy = new(KubeProxy); d.kubeProxy(&p)(path, n) }),
	)(path, n)
	if len(d.mistakes) == had && (p.Exec == nil) == (p.KubeProxy == nil) {
		d.note(path, n, "defines %s backends; want one key, exec or kubeProxy", map[bool]string{true: "no", false: "two"}[p.Exec == nil])
	}
	if len(d.mistakes) > had {
		d.bad[path] = true
		return p, false
	}
	return p, true
}

func (d *decoder) exec(p *Program) value {
	e := p.Exec
	e.Ready = defaultReady()
	return d.object(
		required("name", "mine", d.text(&p.Name)),
		required("command", "[./my-proxy, '--kubeconfig=${KUBECONFIG}']", d.texts(&e.Command)),
		optional("env", func(path string, n *yaml.Node) {
			d.entries(path, n, "a mapping of names and values", func(key string, _, v *yaml.Node) {
				variable := Variable{Name: key}
				d.at(join(path, key), v, d.text(&variable.Value))
				e.Env = append(e.Env, variable)
			})
			slices.SortFunc(e.Env, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
		}),
		optional("ready", d.object(
			optional("timeout", d.duration(&e.Ready.Timeout)),
			optional("interval", d.duration(&e.Ready.Interval)),
		)),
	)
}

func (d *decoder) kubeProxy(p *Program) value {
	k := p.KubeProxy
	read := d.object(
		required("name", "my-nftables", d.text(&p.Name)),
		required("mode", "nftables", d.text(&k.Mode)),
		optional("label", d.text(&k.Label)),
		optional("flags", d.texts(&k.Flags)),
		optional("configuration", d.text(&k.Configuration)),
		optional("config", d.contents(&k.Configuration)),
	)
	return func(path string, n *yaml.Node) {
		read(path, n)
		if at := d.marks[join(path, "config")]; at != nil && d.marks[join(path, "configuration")] != nil {
			d.fail(join(path, "config"), at, "does not go with configuration, which holds the same; keep one of the two")
		}
	}
}

// contents reads the contents of a file that is named.
func (d *decoder) contents(to *string) value {
	return func(path string, n *yaml.Node) {
		var name string
		if d.text(&name)(path, n); d.bad[path] {
			return
		}
		if d.open == nil {
			d.fail(path, n, "names a file, and this scenario is in no folder; write the text itself, as configuration: |")
			return
		}
		data, err := d.open(name)
		if err != nil {
			d.fail(path, n, "the file %s %s", quote(name), reason(err))
			return
		}
		if line, column, b := findBinary(data); line > 0 {
			d.fail(path, n, "the file %s holds the byte 0x%02x in line %d, column %d; want a text in UTF-8", quote(name), b, line, column)
			return
		}
		*to = string(data)
	}
}

func (d *decoder) texts(to *[]string) value {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			d.wrongType(path, n, "a list of texts")
			return
		}
		*to = items(d, path, n, func(path string, n *yaml.Node, to *string) { d.text(to)(path, n) })
	}
}

func (d *decoder) duration(to *time.Duration) value {
	return func(path string, n *yaml.Node) {
		var s string
		if d.text(&s)(path, n); d.bad[path] {
			return
		}
		v, err := time.ParseDuration(s)
		if err != nil {
			d.fail(path, n, "%s is no duration; want one such as 90s or 500ms", quote(s))
			return
		}
		*to = v
	}
}
