// Package nlbatch sends many netlink requests with one system call.
//
// The kernel reads every request of a datagram in order, inside the system
// call that sends it (af_netlink.c, netlink_rcv_skb), and answers a request
// that fails whether or not it asked for an acknowledgement. So a batch asks
// for one acknowledgement only, on its last request: it proves that the kernel
// read to the end, and costs a few instructions per request. Every refusal
// carries the sequence number of its request and is handed back with that
// request's bytes, so that the caller can name the object.
//
// Nothing here ever blocks on a reply: all of them are in the socket's queue
// when the send returns. A reply that is absent is an error, not a wait.
package nlbatch
