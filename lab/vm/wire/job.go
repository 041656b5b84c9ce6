package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Job is what PID 1 is to do after the restore.
type Job struct {
	Args    []string `json:"args"`
	Perturb int      `json:"perturb"`
	Input   []byte   `json:"-"`
}

// The frame of a job: magic, length of the JSON, length of the input, both
// little-endian, then the two. It is padded with zeros to a multiple of JobPad, so
// that jobs that differ by a few bytes cost the guest the same to fetch, and
// its clock stands at the same instruction when their workers start.
const (
	jobMagic  = "svcjob\n\x00"
	jobHeader = len(jobMagic) + 8

	JobPad = 64 << 10
	// MaxJob bounds a frame: the guest fetches it byte by byte.
	MaxJob = 16 << 20
)

// Marshal gives the job's frame.
func (j *Job) Marshal() ([]byte, error) {
	head, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	n := jobHeader + len(head) + len(j.Input)
	if n > MaxJob {
		return nil, fmt.Errorf("the job has %d bytes, the vm lab takes at most %d", n, MaxJob)
	}
	b := make([]byte, 0, (n+JobPad-1)/JobPad*JobPad)
	b = append(b, jobMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(j.Input)))
	b = append(append(b, head...), j.Input...)
	return b[:cap(b)], nil
}

// UnmarshalJob reads a frame. The Job's Input is a part of b.
func UnmarshalJob(b []byte) (*Job, error) {
	if len(b) < jobHeader || string(b[:len(jobMagic)]) != jobMagic {
		return nil, errors.New("this is no job: the magic is missing")
	}
	head := uint64(binary.LittleEndian.Uint32(b[len(jobMagic):]))
	input := uint64(binary.LittleEndian.Uint32(b[len(jobMagic)+4:]))
	b = b[jobHeader:]
	if head+input > uint64(len(b)) {
		return nil, fmt.Errorf("the job is cut off: it says %d bytes and has %d", head+input, len(b))
	}
	j := new(Job)
	if err := json.Unmarshal(b[:head], j); err != nil {
		return nil, fmt.Errorf("the job's header: %w", err)
	}
	j.Input = b[head : head+input : head+input]
	return j, nil
}
