package kernel

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Module is one loadable module, uncompressed.
type Module struct {
	Name string // with underscores, as the kernel spells it
	ELF  []byte
}

// Modules are a kernel's modules: its directory below /lib/modules.
type Modules struct {
	files   map[string]string // by name
	builtin map[string]bool
}

// OpenModules reads what modules there are. It needs no depmod: a package that
// is only unpacked has no modules.dep, so what a module needs is asked of the
// module itself.
func OpenModules(dir string) (*Modules, error) {
	m := &Modules{files: map[string]string{}, builtin: map[string]bool{}}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name, ok := moduleName(d.Name()); ok && d.Type().IsRegular() {
			m.files[name] = p
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the kernel's modules: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the kernel's modules: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if name, ok := moduleName(path.Base(s.Text())); ok {
			m.builtin[name] = true
		}
	}
	if len(m.files) == 0 && len(m.builtin) == 0 {
		return nil, fmt.Errorf("the kernel's modules: %s holds none", dir)
	}
	return m, nil
}

// moduleName gives the name of the module in a file: nf-nat.ko.xz is nf_nat.
func moduleName(file string) (string, bool) {
	for _, ext := range []string{".gz", ".xz", ".zst"} {
		file = strings.TrimSuffix(file, ext)
	}
	name, ok := strings.CutSuffix(file, ".ko")
	return strings.ReplaceAll(name, "-", "_"), ok && name != ""
}

// Select gives the modules that the patterns (of path.Match) name and all that
// they need, each after what it needs; the order is the same every time. What is
// built into the kernel is left out, and so is what it has in neither form.
func (m *Modules) Select(patterns []string) (selected []Module, err error) {
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range m.files {
			if !yield(n) {
				return
			}
		}
	})
	done := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if done[name] || m.builtin[name] {
			return nil
		}
		done[name] = true
		file, ok := m.files[name]
		if !ok {
			return nil
		}
		mod, needs, err := readModule(name, file)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := add(n); err != nil {
				return err
			}
		}
		selected = append(selected, mod)
		return nil
	}
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("the module pattern %q: %w", pattern, err)
		}
		if !strings.ContainsAny(pattern, `*?[\`) {
			if err := add(strings.ReplaceAll(pattern, "-", "_")); err != nil {
				return nil, err
			}
			continue
		}
		for _, n := range names {
			if ok, _ := path.Match(pattern, n); ok {
				if err := add(n); err != nil {
					return nil, err
				}
			}
		}
	}
	return selected, nil
}

func readModule(name, file string) (Module, []string, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		b, err = unpackModule(b)
	}
	if err != nil {
		return Module{}, nil, fmt.Errorf("the module %s: %w", file, err)
	}
	needs, err := needsOf(b)
	if err != nil {
		return Module{}, nil, fmt.Errorf("the module %s: %w", file, err)
	}
	return Module{Name: name, ELF: b}, needs, nil
}

// needsOf reads what a module says that it needs: "depends" is complete for the
// symbols it uses; what it asks for by name only at run time (softdep) is mostly
// an alias that no file has, and is not followed.
func needsOf(module []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("no .modinfo section: this is no kernel module")
	}
	b, err := s.Data()
	if err != nil {
		return nil, err
	}
	var needs []string
	for entry := range bytes.SplitSeq(b, []byte{0}) {
		v, ok := strings.CutPrefix(string(entry), "depends=")
		if !ok || v == "" {
			continue
		}
		for n := range strings.SplitSeq(v, ",") {
			needs = append(needs, strings.ReplaceAll(n, "-", "_"))
		}
	}
	return needs, nil
}
