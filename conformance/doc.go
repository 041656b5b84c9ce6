// Package conformance proves that the built-in backends program what the real
// kube-proxy does. A case is a file of Kubernetes manifests; the golden files
// beside it are what kube-proxy left in the kernel for them, one a Mode. The
// package's test syncs each case's State by the built-in backend and compares.
// Real runs kube-proxy itself against an API server of our own, which
// tools/conformance uses to make the golden files and to compare live, on cases
// and on random states alike. docs/conformance.md says what is compared.
package conformance
