// Package qemu starts and steers one QEMU: its command line, its process, and its
// control connection. It knows nothing of what runs inside.
package qemu

import (
	"fmt"
	"strings"
)

// Accel is what executes the guest's instructions, and which clock it sees.
type Accel string

// The ways to execute a guest.
const (
	// Counted translates, and the guest's clock counts its instructions.
	Counted Accel = "counted"
	// Translated translates, and the guest's clock is the host's.
	Translated Accel = "translated"
	// KVM executes on the processor, and the guest's clock is the host's.
	KVM Accel = "kvm"
)

// Machine is a virtual machine's hardware and the kernel's command line.
type Machine struct {
	Accel     Accel
	MemoryMiB int
	CPUs      int    // 1 unless KVM
	Append    string // to the kernel's command line
	JobFile   string // the job's name in fw_cfg
}

// The file descriptors that QEMU inherits. They are always the same, and so is the
// command line of a Machine: it belongs to the fingerprint.
const (
	fdControl  = 3
	fdResults  = 4
	fdConsole  = 5
	fdJob      = 6
	fdKernel   = 7
	fdRoot     = 8
	fdSnapshot = 9
)

// Args is QEMU's command line, without the program and without -incoming.
func (m Machine) Args() []string {
	cpu, accel, rtc := "max", "tcg", "base=2026-01-01"
	var icount []string
	if m.Accel != KVM {
		accel = "tcg,thread=single"
		// rdrand and rdseed would bring the host's randomness in. With erms and fsrm the
		// guest copies byte by byte with "rep movsb", and each byte counts as an
		// instruction.
		cpu = "max,-rdrand,-rdseed,-erms,-fsrm"
	} else {
		accel, cpu = "kvm", "host"
	}
	if m.Accel == Counted {
		rtc += ",clock=vm"
		icount = []string{"-icount", "shift=0,sleep=off"}
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "microvm,isa-serial=on,auto-kernel-cmdline=off",
		"-accel", accel,
		"-cpu", cpu,
		"-smp", fmt.Sprint(m.CPUs),
		"-m", fmt.Sprintf("%dM", m.MemoryMiB),
		"-rtc", rtc,
		"-seed", "1",
	}
	args = append(args, icount...)
	return append(args,
		"-chardev", fmt.Sprintf("socket,id=control,fd=%d", fdControl),
		"-mon", "chardev=control,mode=control",
		"-chardev", "file,id=results,path="+fdPath(fdResults),
		"-device", "isa-debugcon,iobase=0x402,chardev=results",
		"-chardev", "file,id=console,path="+fdPath(fdConsole),
		"-serial", "chardev:console",
		"-device", "pvpanic", "-action", "panic=pause",
		"-fw_cfg", "name="+m.JobFile+",file="+fdPath(fdJob),
		"-kernel", fdPath(fdKernel),
		"-initrd", fdPath(fdRoot),
		"-append", m.kernelArgs(),
	)
}

// fdPath names an inherited file descriptor to QEMU as a file to open.
func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// kernelArgs is the kernel's command line.
func (m Machine) kernelArgs() string {
	args := []string{
		"console=ttyS0", "quiet",
		"panic=-1", "reboot=t", // a panic ends QEMU, by a triple fault: there is no other way to reset a microvm
		"8250.nr_uarts=1", "cryptomgr.notests", "raid=noautodetect",
	}
	if m.Accel != KVM {
		args = append(args,
			"no_timer_check", "tsc=reliable",
			"mitigations=off", // they cost a translated guest much and protect nothing
		)
	}
	if m.Accel == Counted {
		args = append(args, "lpj=4000000",
			"nokaslr", "norandmaps", "random.trust_cpu=off", "random.trust_bootloader=off")
	}
	return strings.Join(append(args, m.Append), " ")
}
