// Package ebpf has the dataplanes that are programs of BPF, which the kernel runs on
// our behalf: no tool is called, and what the programs look at is written to maps in
// batches.
//
//	table   what both know of Services: maps, and the parts of programs that read them
//	socket  translates where sockets are connected (ebpf-socket)
//	tc      translates packets at the node's links (ebpf-tc)
//	cgroup  puts this process into a control group of its own, for socket
package ebpf
