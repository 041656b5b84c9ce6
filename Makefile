# make alone prints the targets. Every target that needs a program of the system
# runs setup first, which installs what is missing or prints the command.

SHELL       := /bin/sh
GO          ?= go
# Static and reproducible: the same sources and toolchain give the same binary
# everywhere, and the binary is part of what a figure belongs to.
BUILD_FLAGS := -trimpath -buildvcs=false -ldflags=-buildid=
export CGO_ENABLED = 0

.PHONY: help
help: ## print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: bench
bench: setup build ## measure: the preset quick, with tables, plots and a verdict
	bin/svcmark run quick --lab vm --reference results/reference/quick $(BENCH_FLAGS)

.PHONY: build
build: ## build bin/svcmark
	$(GO) build $(BUILD_FLAGS) -o bin/svcmark ./cmd/svcmark

# Built when its sources are newer, and only where the real program is wanted.
KUBE_PROXY := bin/kube-proxy
.PHONY: kube-proxy
kube-proxy: $(KUBE_PROXY) ## build the real kube-proxy (7 minutes the first time)

$(KUBE_PROXY): tools/kube-proxy/go.mod tools/kube-proxy/go.sum tools/kube-proxy/main.go
	cd tools/kube-proxy && $(GO) build -trimpath -buildvcs=false -o ../../$@ \
		-ldflags="-s -w -buildid= -X k8s.io/component-base/version.gitVersion=$$($(GO) list -m -f '{{.Version}}' k8s.io/kubernetes)" .
	@touch $@

.PHONY: conformance
conformance: setup kube-proxy ## compare with the real kube-proxy, live; UPDATE=1 writes the golden files anew
	$(GO) build $(BUILD_FLAGS) -o bin/conformance ./tools/conformance
	bin/conformance --kube-proxy $(KUBE_PROXY) $(if $(UPDATE),--update conformance/testdata/cases) $(CONFORMANCE_FLAGS)

# The virtual clock's figures are the same on a busy machine; the wall clock's want a quiet one.
LAB := vm
.PHONY: gate-trial
gate-trial: setup ## try the gate: its false alarms and what it finds; LAB=netns in the wall clock
	$(GO) build $(BUILD_FLAGS) -o bin/gatetrial ./tools/gatetrial
	bin/gatetrial --lab $(LAB) --out results/gatetrial-$(LAB) $(TRIAL_FLAGS)

.PHONY: gate-trial-builds
gate-trial-builds: setup ## try the gate between builds that differ by the order of their functions alone
	for seed in 1 2 3 4 5 6; do \
		$(GO) build $(BUILD_FLAGS) -ldflags="-buildid= -randlayout=$$seed" -o bin/gatetrial-$$seed ./tools/gatetrial && \
		bin/gatetrial-$$seed --lab vm --pairs 1 --injected 2 --out results/gatetrial-builds/$$seed || exit 1; \
	done
	bin/gatetrial-1 results/gatetrial-builds/*

.PHONY: setup
setup: ## install what the other targets need, saying what and why
	@sh tools/setup

.PHONY: setup-test
setup-test: ## the same, and what tests need besides
	@sh tools/setup test

.PHONY: reference
reference: setup build ## make the reference run anew, as it is committed
	rm -rf results/reference/quick
	bin/svcmark run quick --lab vm --out results/reference/quick
	cd results/reference/quick && rm -f report.html plots/*-cdf.* plots/*-percentiles.svg plots/round-trip-*-percentiles.png plots/first-packet-udp-percentiles.png

.PHONY: reference-claims
reference-claims: setup build ## measure the published claims anew, as committed (docs/claims.md)
	rm -rf results/reference/claims
	bin/svcmark claims --out results/reference/claims
	cd results/reference/claims && rm -rf claims.html plots/*.png */timelines
	UPDATE=1 $(GO) test ./claims -run '^TestDocs$$'

.PHONY: test
test: setup-test lint ## everything below, with real packets
	@sh tools/test ./...

.PHONY: test-unit
test-unit: ## what needs neither privileges nor QEMU
	@sh tools/test -skip '^Test(VM|Browser)' ./scenarios/... ./claims ./cluster ./cluster/apiserver ./results/... ./report/... ./runner/... ./tools/... ./backends ./backends/conntrack ./backends/direct ./backends/iptables ./lab/tail

.PHONY: test-netns
test-netns: setup ## every backend that this kernel has, in namespaces
	@sh tools/test -skip '^TestVM' ./lab/... ./backends/... ./measure/... ./cluster/loadtest ./conformance ./cmd/...

.PHONY: test-vm
test-vm: setup ## every backend, in the microVM
	@sh tools/test -run '^TestVM' ./...

.PHONY: test-kube-proxy
test-kube-proxy: setup kube-proxy ## the real kube-proxy: the suite of packets, exactness in the microVM, its death
	@sh tools/test -tags kubeproxy -run 'KubeProxy' ./backends/backendtest ./cmd/svcmark

.PHONY: validate
validate: ## set figures of load beside those of wrk, iperf3 and sockperf
	@sh tools/setup validate
	@sh tools/test -tags validate -run '^TestValidate' ./measure

.PHONY: lint
lint: ## gofmt, go vet, golangci-lint
	@sh tools/lint

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
