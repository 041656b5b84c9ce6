// Package runner walks the cells of a scenario's matrix: it hands each to a
// lab, which starts this program again as a worker on an isolated node, and
// gathers what the workers say into a run. It is the only room with a side on
// either end: Run is outside, Work inside.
package runner

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/svcmark/svcmark/backends"
	"github.com/svcmark/svcmark/lab"
	"github.com/svcmark/svcmark/measure"
	"github.com/svcmark/svcmark/results"
	"github.com/svcmark/svcmark/scenarios"
)

// Verb is the argument with which this program is started as a worker.
const Verb = "worker"

// Registry is what can be run, by the names that scenarios use.
type Registry struct {
	Backends     map[string]func() backends.Backend
	Measurements map[string]measure.Measurement
	// Define makes the backend of a program that a scenario defines; nil where there
	// can be none.
	Define func(*scenarios.Program) (backends.Backend, error)
	// WorkerArgs are further arguments with which a worker makes the same Registry.
	WorkerArgs []string
}

// backend makes a backend, one of the registry's or of those that are defined.
func (r Registry) backend(name string, defined []scenarios.Program) (backends.Backend, error) {
	if make := r.Backends[name]; make != nil {
		return make(), nil
	}
	for i := range defined {
		if p := &defined[i]; p.Name == name && r.Define != nil {
			return r.Define(p)
		}
	}
	return nil, fmt.Errorf("there is no backend %s", name)
}

// args start this program as a worker.
func (r Registry) args() []string { return append([]string{Verb}, r.WorkerArgs...) }

// job is a worker's input. One of Probe and Cell is set.
type job struct {
	Probe    []string            `json:"probe,omitempty"`    // backends to probe
	Programs []scenarios.Program `json:"programs,omitempty"` // those of Probe that are defined
	Cell     *cellJob            `json:"cell,omitempty"`
}

// cellJob is all that a worker needs to know of its cell. The state itself is
// generated on the node, from the scenario, which is a thousandth of its size
// unless it lists its Services; a large one travels packed.
type cellJob struct {
	Scenario  string    `json:"scenario,omitempty"` // YAML
	Packed    []byte    `json:"packed,omitempty"`   // or the same in gzip
	Backend   string    `json:"backend"`
	Services  int       `json:"services"`
	Endpoints int       `json:"endpoints"`
	Clock     lab.Clock `json:"clock"`
}

// packFrom is the size from which a scenario is packed. A lab's jobs are bounded
// (lab/vm/wire), and lists of Services shrink to a tenth.
const packFrom = 1 << 20

// setScenario puts a scenario into the job.
func (j *cellJob) setScenario(text []byte) error {
	if len(text) < packFrom {
		j.Scenario = string(text)
		return nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	j.Packed = b.Bytes()
	return nil
}

// scenario is the text of the job's scenario.
func (j *cellJob) scenario() ([]byte, error) {
	if j.Packed == nil {
		return []byte(j.Scenario), nil
	}
	r, err := gzip.NewReader(bytes.NewReader(j.Packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// event is one line of a worker's output. Exactly one field is set.
type event struct {
	Phase    string          `json:"phase,omitempty"` // what begins now
	Result   *results.Result `json:"result,omitempty"`
	NA       *results.NA     `json:"na,omitempty"`
	Probed   *probed         `json:"probed,omitempty"`
	Failed   string          `json:"failed,omitempty"`   // the cell is wrong or could not be measured
	Complete bool            `json:"complete,omitempty"` // the last line of a worker that did all it was asked to
}

// probed is what a backend's Probe said; Missing is nil when it can run here.
type probed struct {
	Backend string   `json:"backend"`
	Missing *Missing `json:"missing,omitempty"`
}

// Missing is what keeps a backend from running in a lab.
type Missing struct {
	Feature string `json:"feature"`
	Kernel  string `json:"kernel,omitempty"`
	Mend    string `json:"mend,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

func (m *Missing) Error() string { return m.supported().Error() }

// Is makes a Missing match backends.ErrNotSupported.
func (m *Missing) Is(target error) bool { return target == backends.ErrNotSupported }

func (m *Missing) supported() *backends.NotSupportedError {
	e := &backends.NotSupportedError{Feature: m.Feature, Kernel: m.Kernel, Mend: m.Mend}
	if m.Detail != "" {
		e.Err = fmt.Errorf("%s", m.Detail)
	}
	return e
}

// encoder writes events, one line each.
type encoder struct {
	out io.Writer
	err error // the first failure; what follows is dropped
}

func (e *encoder) send(ev event) {
	if e.err != nil {
		return
	}
	line, err := json.Marshal(ev)
	if err == nil {
		_, err = e.out.Write(append(line, '\n'))
	}
	e.err = err
}
