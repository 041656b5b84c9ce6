package guest

import "testing"

func TestKilledLine(t *testing.T) {
	for record, want := range map[string]string{
		"3,812,9153342,-;Out of memory: Killed process 80 (init) total-vm:1kB\n SUBSYSTEM=x\n": "Out of memory: Killed process 80 (init) total-vm:1kB",
		"3,812,9153342,-;Memory cgroup out of memory: Killed process 8 (ip) total-vm:1kB\n":    "Memory cgroup out of memory: Killed process 8 (ip) total-vm:1kB",
		"4,811,9153000,-;init invoked oom-killer: gfp_mask=0x1\n":                              "",
		"6,1,1,-;usb: Out of memory\n":                                                         "",
		"Out of memory: Killed process 1 (x)":                                                  "",
		"":                                                                                     "",
	} {
		if got := killedLine(record); got != want {
			t.Errorf("%q gave %q, want %q", record, got, want)
		}
	}
}

func FuzzKilledLine(f *testing.F) {
	f.Add("3,812,9153342,-;Out of memory: Killed process 80 (init)\n")
	f.Fuzz(func(t *testing.T, record string) { killedLine(record) })
}
