// Command nftproxy is about the least that a node's proxy can be: it watches Services
// and EndpointSlices and writes ClusterIPs into nftables, all anew after every change.
// It shows what a program needs to be measured as an exec backend, and that svcmark's
// API server serves an ordinary client-go program.
//
//	nftproxy [--forget PREFIX]
//
// With --forget it leaves Services out by the beginning of their names, as a proxy with a defect would.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	forget := flag.String("forget", "", "leave Services out whose name begins with this `prefix`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *forget); err != nil {
		fmt.Fprintln(os.Stderr, "nftproxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, forget string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	services, slices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	changed := make(chan struct{}, 1)
	note := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for _, i := range []cache.SharedIndexInformer{services.Informer(), slices.Informer()} {
		if _, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { note() }, UpdateFunc: func(any, any) { note() }, DeleteFunc: func(any) { note() },
		}); err != nil {
			return err
		}
	}
	factory.StartWithContext(ctx)
	factory.WaitForCacheSync(ctx.Done())
	fmt.Fprintln(os.Stderr, "nftproxy: has its Services")
	for {
		select {
		case <-ctx.Done():
			return nft(context.Background(), "delete table inet nftproxy\n")
		case <-changed:
		}
		all, err := services.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		endpoints, err := slices.Lister().List(labels.Everything())
		if err != nil {
			return err
		}
		if err := nft(ctx, ruleset(all, endpoints, forget)); err != nil {
			return err
		}
	}
}

// nft runs a script in one transaction.
func nft(ctx context.Context, script string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(script), os.Stderr, os.Stderr
	return cmd.Run()
}

// ruleset replaces the program's table.
func ruleset(services []*corev1.Service, slices []*discoveryv1.EndpointSlice, forget string) string {
	var b strings.Builder
	b.WriteString("table inet nftproxy\ndelete table inet nftproxy\ntable inet nftproxy {\n  chain prerouting {\n    type nat hook prerouting priority dstnat\n")
	for _, s := range services {
		if s.Spec.ClusterIP == corev1.ClusterIPNone || forget != "" && strings.HasPrefix(s.Name, forget) {
			continue
		}
		for i := range s.Spec.Ports {
			if to := targets(s, &s.Spec.Ports[i], slices); len(to) > 0 {
				rule(&b, s.Spec.ClusterIP, &s.Spec.Ports[i], to)
			}
		}
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

func rule(b *strings.Builder, vip string, p *corev1.ServicePort, to []string) {
	family := "ip"
	if strings.Contains(vip, ":") {
		family = "ip6"
	}
	fmt.Fprintf(b, "    %s daddr %s %s dport %d dnat %s to numgen random mod %d map { ", family, vip, strings.ToLower(string(p.Protocol)), p.Port, family, len(to))
	for i, t := range to {
		fmt.Fprintf(b, "%d : %s, ", i, t)
	}
	b.WriteString("}\n")
}

// targets are the ready endpoints of a Service's port, as "address . port".
func targets(s *corev1.Service, p *corev1.ServicePort, slices []*discoveryv1.EndpointSlice) (to []string) {
	for _, e := range slices {
		if e.Namespace != s.Namespace || e.Labels[discoveryv1.LabelServiceName] != s.Name || string(e.AddressType) != string(s.Spec.IPFamilies[0]) {
			continue
		}
		for _, port := range e.Ports {
			if *port.Name != p.Name || *port.Protocol != p.Protocol {
				continue
			}
			for _, endpoint := range e.Endpoints {
				if *endpoint.Conditions.Ready {
					to = append(to, fmt.Sprintf("%s . %d", endpoint.Addresses[0], *port.Port))
				}
			}
		}
	}
	return to
}
