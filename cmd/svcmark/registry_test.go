package main

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/svcmark/svcmark/backends/ipvs"
	"github.com/svcmark/svcmark/scenarios"
)

const module = "github.com/svcmark/svcmark/"

// A backend or a measurement that is written and not registered would be
// reported as missing by nobody.
func TestEverythingIsRegistered(t *testing.T) {
	source, defined := parse(t, "registry.go"), parse(t, "programs.go") // those that scenarios define
	for _, dir := range backendDirs(t) {
		if !imports(source, module+dir) && !imports(defined, module+dir) {
			t.Errorf("%s has a Backend, and neither registry.go nor programs.go imports it", dir)
		}
	}
	measured := slices.Sorted(maps.Values(keyed(t, source, "Measurements")))
	for _, typ := range measurementTypes(t) {
		if !slices.Contains(measured, "measure."+typ+"{}") {
			t.Errorf("measure.%s is a measurement, and registry.go has %q", typ, measured)
		}
	}
}

// The suite must run over the very backends that users get, by the same names
// and made with the same options.
func TestEveryBackendConforms(t *testing.T) {
	suite := parse(t, "../../backends/backendtest/conformance_test.go")
	conforms := map[string]string{}
	ast.Inspect(suite, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && lit.Type == nil && len(lit.Elts) > 1 {
			conforms[text(t, lit.Elts[0])] = text(t, lit.Elts[1])
		}
		return true
	})
	registered := keyed(t, parse(t, "registry.go"), "Backends")
	// The schedulers of IPVS are not written out there, and have a test of their own
	// that takes them from the same list.
	if n := len(registered) + len(ipvs.Schedulers()); n != len(registry().Backends) {
		t.Fatalf("read %d backends in registry.go, which has %d", n, len(registry().Backends))
	}
	for name, makes := range registered {
		if conforms[name] != makes {
			t.Errorf("the registry makes %s by\n\t%s\nand backendtest's list tests\n\t%s", name, makes, conforms[name])
		}
	}
}

func TestPresetsNameWhatIsRegistered(t *testing.T) {
	known := registryWith(programs{proxies: kubeProxies{{path: kubeProxyName}}}).Known()
	if len(scenarios.Presets()) == 0 {
		t.Error("there are no presets")
	}
	for _, p := range scenarios.Presets() {
		if _, err := scenarios.Load(p.Name, known); err != nil {
			t.Error(err)
		}
	}
}

func TestHelpListsWhatIsRegistered(t *testing.T) {
	var help strings.Builder
	if code := execute(t.Context(), &streams{in: strings.NewReader(""), out: &help, err: io.Discard}, []string{"run", "--help"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	known := registry().Known()
	for flag, names := range map[string][]string{"--backends": known.Backends, "--measure": known.Measurements} {
		line := ""
		for l := range strings.Lines(help.String()) {
			if strings.HasPrefix(strings.TrimSpace(l), flag+" ") {
				line = l
			}
		}
		for _, name := range names {
			if !strings.Contains(line, name) {
				t.Errorf("help's line of %s does not name %s: %q", flag, name, line)
			}
		}
	}
	for _, p := range scenarios.Presets() {
		if !strings.Contains(help.String(), "\n  "+p.Name+" ") {
			t.Errorf("help does not name the preset %s:\n%s", p.Name, help.String())
		}
	}
}

// backendDirs are the folders below backends whose package has a Backend.
func backendDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir("../../backends", func(file string, d fs.DirEntry, err error) error {
		dir := path.Join(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../../"))
		if err != nil || dir == "backends" || !isSource(file) || slices.Contains(dirs, dir) {
			return err
		}
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			if typ, ok := n.(*ast.TypeSpec); ok && typ.Name.Name == "Backend" {
				dirs = append(dirs, dir)
			}
			return true
		})
		return nil
	})
	if err != nil || len(dirs) == 0 {
		t.Fatalf("found the backends %q: %v", dirs, err)
	}
	return dirs
}

// measurementTypes are the types of package measure that have both methods of
// a Measurement.
func measurementTypes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../measure/*.go")
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string][]string{}
	for _, file := range files {
		if !isSource(file) {
			continue
		}
		for _, d := range parse(t, file).Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				typ := strings.TrimPrefix(text(t, f.Recv.List[0].Type), "*")
				methods[typ] = append(methods[typ], f.Name.Name)
			}
		}
	}
	var found []string
	for typ, has := range methods {
		if slices.Contains(has, "Measure") && slices.Contains(has, "Units") {
			found = append(found, typ)
		}
	}
	if len(found) == 0 {
		t.Fatal("found no measurement")
	}
	return found
}

// keyed gives the source of each value of the map literal of that name, by key.
func keyed(t *testing.T, file *ast.File, name string) map[string]string {
	t.Helper()
	values := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		field, ok := n.(*ast.KeyValueExpr)
		if !ok || text(t, field.Key) != name {
			return true
		}
		for _, e := range field.Value.(*ast.CompositeLit).Elts {
			kv := e.(*ast.KeyValueExpr)
			values[text(t, kv.Key)] = text(t, kv.Value)
		}
		return false
	})
	if len(values) == 0 {
		t.Fatalf("found no map %s", name)
	}
	return values
}

func isSource(file string) bool {
	return strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go")
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func imports(f *ast.File, pkg string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(pkg) })
}

// text is a piece of source as gofmt writes it; a string is its value.
func text(t *testing.T, n ast.Expr) string {
	t.Helper()
	if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
