// Package image builds the guest's root: an initramfs with this program as
// /init, the tools that the backends call with all that those need, and kernel
// modules. The same inputs give the same bytes.
package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cavaliergopher/cpio"

	"github.com/svcmark/svcmark/lab/vm/kernel"
)

// Where the guest finds its modules.
const (
	ModuleDir   = "/usr/lib/modules"
	ModuleOrder = "/usr/lib/modules/order" // names, one a line, in the order of loading
)

// Spec says what goes into an image.
type Spec struct {
	Init    string // path of the program that becomes /init: static
	Tools   []Tool
	Modules []kernel.Module // in the order of loading
}

// Image is a guest's root.
type Image struct {
	CPIO  []byte
	Sum   [sha256.Size]byte // of CPIO
	Tools map[string]string // version, by name
}

// Build makes the image. A tool that this machine lacks is a
// *backends.NotSupportedError; all that are missing are told at once.
func Build(ctx context.Context, spec Spec) (*Image, error) {
	if err := CheckStatic(spec.Init); err != nil {
		return nil, err
	}
	init, err := os.ReadFile(spec.Init)
	if err != nil {
		return nil, err
	}
	img := &Image{Tools: map[string]string{}}
	t := tree{}
	t.file("init", 0o755, init)
	for _, dir := range []string{"dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib64", "var"} {
		t.dir(dir)
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		t.link(dir, "usr/"+dir)
	}
	t.link("var/run", "/run")
	for _, f := range []string{"/etc/protocols", "/etc/services", "/etc/ethertypes"} {
		b, err := os.ReadFile(f)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the tools know the names that we use by themselves
		}
		if err != nil {
			return nil, err
		}
		t.file(f, 0o644, b)
	}
	if err := t.addTools(ctx, spec.Tools, img.Tools); err != nil {
		return nil, err
	}
	var order strings.Builder
	for _, m := range spec.Modules {
		t.file(ModuleDir+"/"+m.Name+".ko", 0o644, m.ELF)
		order.WriteString(m.Name + "\n")
	}
	t.file(ModuleOrder, 0o644, []byte(order.String()))
	if img.CPIO, err = t.pack(); err != nil {
		return nil, err
	}
	img.Sum = sha256.Sum256(img.CPIO)
	return img, nil
}

// entry is one file of the tree: its contents, or a symbolic link's target.
type entry struct {
	mode cpio.FileMode
	data []byte
}

// tree is the guest's root by clean relative path.
type tree map[string]entry

func (t tree) put(name string, e entry) {
	name = inUsr(name)
	t[name] = e
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t[dir]; !ok {
			t[dir] = entry{mode: cpio.TypeDir | 0o755}
		}
	}
}

func (t tree) file(name string, mode cpio.FileMode, data []byte) {
	t.put(name, entry{cpio.TypeReg | mode, data})
}
func (t tree) dir(name string) { t.put(name, entry{mode: cpio.TypeDir | 0o755}) }
func (t tree) link(name, target string) {
	t.put(name, entry{cpio.TypeSymlink | 0o777, []byte(target)})
}

// inUsr gives where a path lands: the guest's root has /lib and its like as
// links into /usr, whether this machine's has or not.
func inUsr(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for _, dir := range []string{"bin/", "sbin/", "lib/", "lib64/"} {
		if strings.HasPrefix(name, dir) {
			return "usr/" + name
		}
	}
	return name
}

// addTools puts in the tools, their plugins and every library that these need.
func (t tree) addTools(ctx context.Context, tools []Tool, versions map[string]string) error {
	libs, err := newLibraries()
	if err != nil {
		return err
	}
	var missing []error
	for _, tool := range tools {
		err := t.addTool(ctx, tool, libs, versions)
		if err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) > 0 {
		return errors.Join(missing...)
	}
	// All libraries go where the C library is: its loader surely looks there.
	home := filepath.Dir(libs.found["libc.so.6"])
	for soname, file := range libs.found {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.HasPrefix(soname, "ld-") {
			t.file(file, 0o755, b) // programs name it by its path
		} else {
			t.file(path.Join(home, soname), 0o644, b)
		}
	}
	return nil
}

func (t tree) addTool(ctx context.Context, tool Tool, libs *libraries, versions map[string]string) error {
	file, err := tool.Path()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := libs.add(file); err != nil {
		return fmt.Errorf("the tool %s: %w", tool.Name, err)
	}
	t.file("usr/sbin/"+tool.Name, 0o755, b)
	for _, l := range tool.Links {
		t.link("usr/sbin/"+l, tool.Name)
	}
	versions[tool.Name] = tool.version(ctx, file, b)
	if tool.Plugins == "" {
		return nil
	}
	dir, err := pluginDir(tool.Plugins, libs.dirs)
	if err != nil {
		return fmt.Errorf("the tool %s: %w", tool.Name, err)
	}
	plugins, err := filepath.Glob(filepath.Join(dir, "*.so"))
	if err != nil {
		return err
	}
	for _, p := range plugins {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := libs.add(p); err != nil {
			return fmt.Errorf("the tool %s: %w", tool.Name, err)
		}
		t.file(p, 0o644, b)
	}
	return nil
}

// pack writes the tree as a newc archive, sorted, all of it root's and of no
// date.
func (t tree) pack() ([]byte, error) {
	var buf bytes.Buffer
	w := cpio.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(t)) {
		e := t[name]
		links := 1
		if e.mode.IsDir() {
			links = 2
		}
		err := w.WriteHeader(&cpio.Header{Name: name, Mode: e.mode, Links: links, Size: int64(len(e.data))})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
