package cluster_test

import (
	"bufio"
	"fmt"
	"io"
	"syscall"
	"testing"

	"github.com/svcmark/svcmark/cluster"
)

// BenchmarkRead reads the largest cluster that svcmark promises to import,
// 50,000 Services with 500,000 endpoints, as kubectl prints it. The promise for
// the whole verb is 20 s and 2 GiB; peak-MiB is the peak resident memory of the
// whole process.
func BenchmarkRead(b *testing.B) {
	size := int64(0)
	for b.Loop() {
		in, out := io.Pipe()
		go func() {
			w := bufio.NewWriterSize(out, 1<<20)
			dump(w, 50_000, 10)
			_ = out.CloseWithError(w.Flush())
		}()
		c, err := cluster.Read(in, func(n int64) { size = n })
		if err != nil {
			b.Fatal(err)
		}
		if len(c.Services) != 50_000 || len(c.Services[0].Endpoints[0].Endpoints) != 10 {
			b.Fatalf("%d Services", len(c.Services))
		}
	}
	b.SetBytes(size)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB") // Linux counts KiB
}

// dump writes a cluster as kubectl get services,endpointslices,nodes -A -o json
// prints one, with all that it prints beside what matters.
func dump(w *bufio.Writer, services, endpoints int) {
	fmt.Fprint(w, "{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n")
	for i := range services {
		fmt.Fprintf(w, `        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "annotations": {
                    "meta.helm.sh/release-name": "release-%[1]d",
                    "meta.helm.sh/release-namespace": "team-%[2]d"
                },
                "creationTimestamp": "2026-03-01T12:34:56Z",
                "labels": {
                    "app.kubernetes.io/instance": "app-%[1]d",
                    "app.kubernetes.io/managed-by": "Helm",
                    "app.kubernetes.io/name": "app-%[1]d"
                },
                "name": "app-%[1]d",
                "namespace": "team-%[2]d",
                "resourceVersion": "%[1]d",
                "uid": "8f1b8f3e-5b1f-4c57-9d1c-%012[1]d"
            },
            "spec": {
                "clusterIP": "10.%[3]d.%[4]d.%[5]d",
                "clusterIPs": [
                    "10.%[3]d.%[4]d.%[5]d"
                ],
                "internalTrafficPolicy": "Cluster",
                "ipFamilies": [
                    "IPv4"
                ],
                "ipFamilyPolicy": "SingleStack",
                "ports": [
                    {
                        "name": "http",
                        "port": 80,
                        "protocol": "TCP",
                        "targetPort": "http"
                    }
                ],
                "selector": {
                    "app.kubernetes.io/instance": "app-%[1]d",
                    "app.kubernetes.io/name": "app-%[1]d"
                },
                "sessionAffinity": "None",
                "type": "ClusterIP"
            },
            "status": {
                "loadBalancer": {}
            }
        },
`, i, i/25, 96+(i+2)>>16, (i+2)>>8&255, (i+2)&255)
	}
	for i := range services {
		fmt.Fprintf(w, `        {
            "addressType": "IPv4",
            "apiVersion": "discovery.k8s.io/v1",
            "endpoints": [
`)
		for j := range endpoints {
			n := i*endpoints + j + 2
			fmt.Fprintf(w, `                {
                    "addresses": [
                        "10.%[1]d.%[2]d.%[3]d"
                    ],
                    "conditions": {
                        "ready": true,
                        "serving": true,
                        "terminating": false
                    },
                    "nodeName": "ip-10-0-%[4]d-%[5]d.ec2.internal",
                    "targetRef": {
                        "kind": "Pod",
                        "name": "app-%[6]d-7c9d8b6f5-%[7]d",
                        "namespace": "team-%[8]d",
                        "uid": "3e1b8f3e-5b1f-4c57-9d1c-%012[7]d"
                    },
                    "zone": "us-east-1a"
                }`, 128+n>>16, n>>8&255, n&255, n%5000>>8, n%5000&255, i, n, i/25)
			if j < endpoints-1 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, `            ],
            "kind": "EndpointSlice",
            "metadata": {
                "annotations": {
                    "endpoints.kubernetes.io/last-change-trigger-time": "2026-03-01T12:34:56Z"
                },
                "creationTimestamp": "2026-03-01T12:34:56Z",
                "generateName": "app-%[1]d-",
                "generation": 12,
                "labels": {
                    "app.kubernetes.io/instance": "app-%[1]d",
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                    "kubernetes.io/service-name": "app-%[1]d"
                },
                "name": "app-%[1]d-x7k2p",
                "namespace": "team-%[2]d",
                "ownerReferences": [
                    {
                        "apiVersion": "v1",
                        "blockOwnerDeletion": true,
                        "controller": true,
                        "kind": "Service",
                        "name": "app-%[1]d",
                        "uid": "8f1b8f3e-5b1f-4c57-9d1c-%012[1]d"
                    }
                ],
                "resourceVersion": "%[1]d",
                "uid": "9f1b8f3e-5b1f-4c57-9d1c-%012[1]d"
            },
            "ports": [
                {
                    "name": "http",
                    "port": 8080,
                    "protocol": "TCP"
                }
            ]
        },
`, i, i/25)
	}
	fmt.Fprint(w, `        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "labels": {
                    "topology.kubernetes.io/zone": "us-east-1a"
                },
                "name": "ip-10-0-0-2.ec2.internal"
            },
            "spec": {
                "podCIDR": "10.128.0.0/24",
                "podCIDRs": [
                    "10.128.0.0/24"
                ]
            },
            "status": {
                "addresses": [
                    {
                        "address": "10.0.0.2",
                        "type": "InternalIP"
                    }
                ],
                "capacity": {
                    "cpu": "4"
                }
            }
        }
    ],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
`)
}
