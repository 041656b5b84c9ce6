package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// libraries finds the shared libraries that programs need, the way ld.so does
// but without running anything.
type libraries struct {
	dirs  []string            // where ld.so looks, in order
	found map[string]string   // path on this machine, by soname
	of    map[string][]string // what each file that was read needs
}

func newLibraries() (*libraries, error) {
	dirs, err := ldDirs("/etc/ld.so.conf")
	if err != nil {
		return nil, err
	}
	dirs = append(dirs,
		"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
		"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
		"/lib64", "/usr/lib64", "/lib", "/usr/lib")
	return &libraries{dirs: dirs, found: map[string]string{}, of: map[string][]string{}}, nil
}

// ldDirs reads ld.so.conf and what it includes.
func ldDirs(conf string) ([]string, error) { return ldDirsOnce(conf, map[string]bool{}) }

// ldDirsOnce passes over the files that it has seen: they may include each other.
func ldDirsOnce(conf string, seen map[string]bool) ([]string, error) {
	if seen[conf] {
		return nil, nil
	}
	seen[conf] = true
	b, err := os.ReadFile(conf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var dirs []string
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		pattern, include := strings.CutPrefix(line, "include ")
		switch {
		case include:
			pattern = strings.TrimSpace(pattern)
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(conf), pattern)
			}
			files, _ := filepath.Glob(pattern) // a bad pattern includes nothing
			for _, f := range files {
				more, err := ldDirsOnce(f, seen)
				if err != nil {
					return nil, err
				}
				dirs = append(dirs, more...)
			}
		case filepath.IsAbs(line):
			dirs = append(dirs, line)
		}
	}
	return dirs, nil
}

// add finds all that the ELF file at path needs, and what that needs. The
// interpreter counts as needed.
func (l *libraries) add(path string) error {
	if _, ok := l.of[path]; ok {
		return nil
	}
	f, err := elf.Open(path)
	if unread := (*fs.PathError)(nil); err != nil && !errors.As(err, &unread) {
		return fmt.Errorf("%s is no ELF binary, and a guest runs nothing else (%w)", path, err)
	} else if err != nil {
		return err
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	l.of[path] = needed
	interp, err := interpreter(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if interp != "" {
		l.found[filepath.Base(interp)] = interp
	}
	for _, soname := range needed {
		if _, ok := l.found[soname]; ok {
			continue
		}
		lib, err := l.find(soname, f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		l.found[soname] = lib
		if err := l.add(lib); err != nil {
			return err
		}
	}
	return nil
}

// find gives the file of a library: the first of its machine's kind.
func (l *libraries) find(soname string, by *elf.File) (string, error) {
	if strings.Contains(soname, "/") {
		return "", fmt.Errorf("needs the library %s by its path, which is not supported", soname)
	}
	runpath, _ := by.DynString(elf.DT_RUNPATH) // none is no error worth telling
	rpath, _ := by.DynString(elf.DT_RPATH)
	var dirs []string
	for _, p := range slices.Concat(runpath, rpath) {
		dirs = append(dirs, strings.Split(p, ":")...)
	}
	for _, dir := range slices.Concat(dirs, l.dirs) {
		path := filepath.Join(dir, soname)
		f, err := elf.Open(path)
		if err != nil {
			continue
		}
		same := f.Machine == by.Machine && f.Class == by.Class
		f.Close()
		if same {
			return path, nil
		}
	}
	return "", fmt.Errorf("needs the library %s, which is not on this machine", soname)
}

// interpreter gives a program's PT_INTERP, "" when it is static.
func interpreter(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		if p.Filesz > 4096 {
			return "", errors.New("the interpreter's path is too long")
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return "", err
		}
		return strings.TrimRight(string(b), "\x00"), nil
	}
	return "", nil
}

// CheckStatic reports an error when the program at path is not static, for such
// a program cannot be a guest's init.
func CheckStatic(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return err
		}
		return fmt.Errorf("%s is no program in ELF: %w", path, err)
	}
	defer f.Close()
	interp, err := interpreter(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if interp != "" {
		return fmt.Errorf("%s is linked dynamically (it needs %s) and cannot be the guest's init; build it with CGO_ENABLED=0", path, interp)
	}
	return nil
}
