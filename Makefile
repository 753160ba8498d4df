# Everything that contributors and CI run. `make help` lists the targets.

CARGO ?= cargo
TARGET := wasm32-wasip1
# Where Cargo builds.
CARGO_TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
MODULE := $(CARGO_TARGET)/$(TARGET)/policy/policy.wasm
NOTHING := $(CARGO_TARGET)/$(TARGET)/policy/nothing.wasm
# The harness without what a command does not need: a first build takes minutes, and shows its progress.
HARNESS := $(CARGO) run --locked --package local-registry-harness --bin harness --no-default-features
# Programs and tests without optimisation. All have the features of the whole workspace, as in `make test`, since a dependency with
# other features is built anew: Wasmtime takes minutes. Build a program together with a test: tests add features.
SHARED := --locked --workspace
MEASURE := $(CARGO) run --locked --release --package local-registry-harness --bin harness --
# What make needs to know of the repository's own files: a release's digests, manifests and notes.
XTASK := $(CARGO) run --locked --quiet --package local-registry-xtask --

# The samples that `make run` evaluates.
REQUEST ?= examples/buildrun-request.json
SETTINGS ?= examples/settings.yaml
OBJECTS ?= examples/objects
# The largest allowed size of the module and of each program, in bytes.
LIMIT := 200000
SYNC_LIMIT := 11000000
PROMOTE_LIMIT := 9000000
MUSL := $(shell uname -m)-unknown-linux-musl

# The Kubernetes release that `make e2e` builds and runs. It names a folder of e2e/kubernetes.
KUBERNETES ?= 1.37
KUBEBUILDER_ASSETS ?= $(CURDIR)/target/e2e/$(KUBERNETES)
# What makes pods of Deployments and Jobs. envtest has no such program, so it is always one of ours.
CONTROLLER_MANAGER ?= $(CURDIR)/target/e2e/1.37/kube-controller-manager

# `make e2e-node` runs as root by this command, if it is not root already: AS_ROOT="sudo --preserve-env". It has one release
# of Kubernetes, and the programs of a node from the Go modules in e2e/node. SCENARIOS are parts of the names of tests.
AS_ROOT ?=
NODE_KUBERNETES := $(CURDIR)/target/e2e/1.37
NODE_PROGRAMS := $(CURDIR)/target/e2e/node
NODE_MODULES := cni containerd containerd-1 coredns registry s3
# What runs in that cluster: the programs of a project, and its own manifests, if any, each a folder of a module (MODULE:FOLDER).
CLUSTER_MODULES := kaniko knative ko shipwright tekton
MANIFESTS_knative := $(foreach name,serving networking caching,knative.dev/$(name):config)
MANIFESTS_shipwright := $(foreach name,deploy samples,github.com/shipwright-io/build:$(name))
MANIFESTS_tekton := github.com/tektoncd/pipeline:config

# `make e2e` installs the chart with these releases of Helm, and `make e2e-node` with the newest of them.
HELM_PROGRAMS := $(CURDIR)/target/e2e/helm
HELM_RELEASES := 3 4
NEWEST_HELM := $(HELM_PROGRAMS)/$(lastword $(HELM_RELEASES))/helm

# `make e2e-promote` has programs of its own, too, and `make e2e-node` has crane from them.
PROMOTE_PROGRAMS := $(CURDIR)/target/e2e/promote
PROMOTE_MODULES := ggcr
# What only `make bench-promote` compares with.
BENCH_MODULES := regclient

# `make e2e-conformance` runs the OCI's conformance suite.
CONFORMANCE := $(CURDIR)/target/e2e/conformance/conformance

# What `make check-monitoring` asks what an alert does.
PROMTOOL := $(CURDIR)/target/e2e/prometheus/promtool

# `make e2e` fetches the CRDs of these versions, unless UPSTREAM names a folder with CRDs. docs/quick-start-kind.md
# installs the same versions.
KUBEWARDEN := v1.35.0
SHIPWRIGHT := v0.20.13
KNATIVE := knative-v1.19.0
FETCHED := $(CURDIR)/target/upstream-$(KUBEWARDEN)-$(SHIPWRIGHT)-$(KNATIVE)

# By sed, since the release workflows ask for it before there is a compiler.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

# `make sync-image` and `make promote-image`: the image's name, the program that builds it, and the certificate authorities that it trusts.
IMAGE ?= local-registry-sync:v$(VERSION)
PROMOTE_IMAGE ?= local-registry-promote:v$(VERSION)
CONTAINER ?= $(shell docker info >/dev/null 2>&1 && echo docker || echo buildah)
CA_CERTIFICATES ?= /etc/ssl/certs/ca-certificates.crt
# The repository, as the shell of a recipe asks for it.
SOURCE = $$($(XTASK) annotation io.kubewarden.policy.source)

# Go's programs, and its compiler, have a fifth less to do if they collect garbage less often. None of them needs much memory.
export GOGC ?= 400

# `make manifests`: the program that renders the manifests of a release, and the one that reads them in their tests.
KUBECTL ?= $(or $(shell command -v kubectl 2>/dev/null),$(KUBEBUILDER_ASSETS)/kubectl)
HELM ?= $(or $(shell command -v helm 2>/dev/null),$(NEWEST_HELM))

# `make fuzz`: how many malformed payloads it tries, and how long it fuzzes each target, in seconds.
CASES ?= 200000
FUZZ_SECONDS ?= 300
# How long `make bench` sends each request, in seconds, and how long `make load` sends them.
SECONDS ?= 2
DURATION ?= 60s
# `make soak`: how long it runs, in seconds, and the number that says what happens when.
SOAK_SECONDS ?= 3600
SOAK_SEED ?= 1

# The workflows: this repository's, and those that users copy.
WORKFLOWS := $(wildcard .github/workflows/*.yml examples/*/workflows/*.yaml)

# `make coverage`: the crates, each with the least part of its lines that its tests have to reach, in percent.
COVERED := core:96 declaration:95 oci:58

# What cargo-deny checks for `make lint`. Advisories need the network.
DENY ?= advisories bans licenses sources

COMMA := ,
# $(call need,PROGRAM,HOW TO INSTALL IT)
need = command -v $(1) >/dev/null || { echo "make $@: $(1) is missing; $(2)" >&2; exit 1; }
need-package = $(call need,$(1),install it with your system's packages)
need-kwctl = $(call need,kwctl,install it from the releases of kubewarden/kubewarden-controller)
# Debian's yq is another program.
need-yq = yq --version 2>/dev/null | grep -q mikefarah || { echo "make $@: mikefarah's yq is missing; go install github.com/mikefarah/yq/v4@v4.45.1" >&2; exit 1; }

need-helm = $(call need,$(HELM),install it$(COMMA) or name it in HELM)
need-kubectl = $(call need,$(KUBECTL),install it$(COMMA) or name it in KUBECTL)

# $(call check-size,FILE,BYTES)
check-size = size=$$(wc -c < $(1)); echo "$(1): $$size bytes of at most $(2)"; test $$size -le $(2)

.DEFAULT_GOAL := help
.PHONY: help run serve sync sync-static sync-image check-sync-image promote promote-static promote-image check-promote-image test programs e2e e2e-node e2e-real given-programs e2e-kind e2e-kwctl e2e-promote e2e-conformance reproducible sbom fuzz mutants coverage soak bench \
  bench-admission bench-agents bench-promote load lint verdicts reference promote-digest released version release-notes publisher manifests check-manifests check-monitoring artifacthub format clean wasm-target nothing.wasm FORCE

help: ## List all targets
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Panic messages contain the paths of source files. This makes them the same wherever Cargo keeps its files.
#
# The linker pads every number that it may have to change, such as that of a function, to five bytes. Nothing changes them later,
# and without the padding the module is 13 KB smaller.
CARGO_HOME ?= $(HOME)/.cargo
WASM_FLAGS = RUSTFLAGS="$$RUSTFLAGS --remap-path-prefix=$(CARGO_HOME)/registry/src=/registry -C link-arg=--compress-relocations"

policy.wasm: FORCE wasm-target ## Build the policy; fail if it is too large
	$(WASM_FLAGS) $(CARGO) build --locked --profile policy --target $(TARGET) --package local-registry-policy
	@cmp -s $(MODULE) $@ || cp $(MODULE) $@
	@$(call check-size,$@,$(LIMIT))

wasm-target:
	@test -d "$$(rustc --print target-libdir --target $(TARGET))" || rustup target add $(TARGET)

run: policy.wasm ## Show how the policy changes a sample BuildRun (REQUEST, SETTINGS, OBJECTS)
	$(HARNESS) -- run --diff always --request-path $(REQUEST) --settings-path $(SETTINGS) --objects-path $(OBJECTS) policy.wasm

serve: policy.wasm ## Serve the policy at http://127.0.0.1:8443/validate/local-registry
	$(HARNESS) --features serve -- serve --settings-path $(SETTINGS) --objects-path $(OBJECTS) policy.wasm

sync: ## Build local-registry-sync for this machine
	$(CARGO) build --locked --profile program --package local-registry-program
	@$(call check-size,$(CARGO_TARGET)/program/local-registry-sync,$(SYNC_LIMIT))

promote: ## Build local-registry-promote for this machine
	$(CARGO) build --locked --profile program --package local-registry-promote
	@$(call check-size,$(CARGO_TARGET)/program/local-registry-promote,$(PROMOTE_LIMIT))

# The C code of ring needs only the memory functions of a C library, so any C compiler for this machine works.
# $(call build-static,PACKAGE,PROGRAM,BYTES)
define build-static
	@test -d "$$(rustc --print target-libdir --target $(MUSL))" || rustup target add $(MUSL)
	CC_$(subst -,_,$(MUSL))="$${CC:-cc}" $(CARGO) build --locked --profile program --target $(MUSL) --package $(1)
	@$(call check-size,$(CARGO_TARGET)/$(MUSL)/program/$(2),$(3))
endef

sync-static: ## Build local-registry-sync without any shared library (musl)
	$(call build-static,local-registry-program,local-registry-sync,$(SYNC_LIMIT))

promote-static: ## Build local-registry-promote without any shared library (musl)
	$(call build-static,local-registry-promote,local-registry-promote,$(PROMOTE_LIMIT))

# $(call build-image,PROGRAM,IMAGE)
define build-image
	@$(call need,$(CONTAINER),install docker or buildah$(COMMA) or set CONTAINER)
	rm -rf target/$(1)-image && mkdir -p target/$(1)-image
	cp $(CARGO_TARGET)/$(MUSL)/program/$(1) LICENSE target/$(1)-image/
	cp $(CA_CERTIFICATES) target/$(1)-image/ca-certificates.crt
	$(CONTAINER) build --tag $(2) --file Dockerfile --target $(1) --build-arg VERSION=$(VERSION) --build-arg SOURCE=$(SOURCE) \
	  --build-arg REVISION=$$(git rev-parse HEAD) target/$(1)-image
endef

sync-image: sync-static ## Build the sync job's image (IMAGE), with docker or buildah (CONTAINER)
	$(call build-image,local-registry-sync,$(IMAGE))

promote-image: promote-static ## Build the image of local-registry-promote (PROMOTE_IMAGE), with docker or buildah (CONTAINER)
	$(call build-image,local-registry-promote,$(PROMOTE_IMAGE))

# $(call check-image,PROGRAM,IMAGE)
define check-image
	@$(call need-package,bats)
	@$(call need-package,jq)
	CONTAINER=$(CONTAINER) PROGRAM=$(1) IMAGE=$(2) VERSION=$(VERSION) bats e2e/image.bats
endef

check-sync-image: sync-image ## Start the sync job from its image's files (needs bats, jq)
	$(call check-image,local-registry-sync,$(IMAGE))

check-promote-image: promote-image ## Start local-registry-promote from its image's files (needs bats, jq)
	$(call check-image,local-registry-promote,$(PROMOTE_IMAGE))

annotated-policy.wasm: policy.wasm policy-metadata/metadata.yml policy-metadata/usage.md ## Write the metadata into the policy (needs kwctl)
	@$(need-kwctl)
	kwctl annotate policy.wasm --metadata-path policy-metadata/metadata.yml --usage-path policy-metadata/usage.md --output-path $@

test: policy.wasm nothing.wasm ## Run all tests that need no cluster, including those of the built policy in its engine
	POLICY_WASM=$(CURDIR)/policy.wasm NOTHING_WASM=$(NOTHING) \
	  $(CARGO) test --locked

# A scenario waits for programs, so there are more of them at a time than processors.
e2e: policy.wasm $(KUBEBUILDER_ASSETS)/kube-apiserver $(CONTROLLER_MANAGER) $(HELM_RELEASES:%=$(HELM_PROGRAMS)/%/helm) $(if $(UPSTREAM),,$(FETCHED)) ## Test policy, sync job and manifests on a real API server (KUBEBUILDER_ASSETS or KUBERNETES, UPSTREAM)
	$(CARGO) build $(SHARED) --bin harness --bin local-registry-sync --test cluster
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) CONTROLLER_MANAGER=$(CONTROLLER_MANAGER) HELM_PROGRAMS=$(HELM_PROGRAMS) \
	  UPSTREAM=$(or $(UPSTREAM),$(FETCHED)) POLICY_WASM=$(CURDIR)/policy.wasm \
	  RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))} \
	  $(CARGO) test $(SHARED) --test cluster

programs: $(NODE_KUBERNETES)/kube-apiserver $(CONTROLLER_MANAGER) $(NODE_KUBERNETES)/kubelet $(HELM_RELEASES:%=$(HELM_PROGRAMS)/%/helm) \
  $(NODE_MODULES:%=$(NODE_PROGRAMS)/%.built) $(CLUSTER_MODULES:%=$(NODE_PROGRAMS)/%/built) $(PROMOTE_MODULES:%=$(PROMOTE_PROGRAMS)/%.built) \
  $(PROMTOOL) $(CONFORMANCE) ## Build every program that a test needs and Go builds

# What the node's scenarios need. $(call run-node,FILTERS): runs those of these names.
NODE_NEEDS := policy.wasm sync-static $(NODE_KUBERNETES)/kube-apiserver $(CONTROLLER_MANAGER) $(NODE_KUBERNETES)/kubelet $(NEWEST_HELM) \
  $(NODE_MODULES:%=$(NODE_PROGRAMS)/%.built) $(CLUSTER_MODULES:%=$(NODE_PROGRAMS)/%/built) $(PROMOTE_MODULES:%=$(PROMOTE_PROGRAMS)/%.built) \
  $(if $(UPSTREAM),,$(FETCHED))
define run-node
	$(CARGO) build $(SHARED) --bin harness --test node
	KUBEBUILDER_ASSETS=$(NODE_KUBERNETES) CONTROLLER_MANAGER=$(CONTROLLER_MANAGER) NODE_PROGRAMS=$(NODE_PROGRAMS) PROMOTE_PROGRAMS=$(PROMOTE_PROGRAMS) \
	  HELM_PROGRAMS=$(HELM_PROGRAMS) UPSTREAM=$(or $(UPSTREAM),$(FETCHED)) POLICY_WASM=$(CURDIR)/policy.wasm STATIC_SYNC=$(CARGO_TARGET)/$(MUSL)/program/local-registry-sync \
	  $(CARGO) test $(SHARED) --test node \
	  --config "target.'cfg(all())'.runner = '$(AS_ROOT) $(CURDIR)/e2e/node/machine'" -- --test-threads=1 --nocapture $(1)
endef

e2e-node: $(NODE_NEEDS) ## Test registry and agent in a real cluster of one node (needs root or AS_ROOT; SCENARIOS, UPSTREAM)
	$(call run-node,--skip real:: $(SCENARIOS))

# PROGRAMS has releases that are not built here. CONTRIBUTING.md says what belongs in it.
e2e-real: export LEFT_OUT := $(CURDIR)/target/e2e/left-out
e2e-real: override export PROGRAMS := $(abspath $(PROGRAMS))
NEWEST_KUBEWARDEN = $(lastword $(shell ls -d $(PROGRAMS)/kubewarden-* | sort -V))
e2e-real: given-programs $(NODE_NEEDS) ## Test the policies under the real Kubewarden on that node, with programs from PROGRAMS (SCENARIOS)
	@mkdir -p $(dir $(LEFT_OUT)) && rm -f $(LEFT_OUT)
	$(call run-node,$(or $(SCENARIOS:%=real::%),real::))
	$(if $(SCENARIOS),,@if [ -x $(NEWEST_KUBEWARDEN)/kwctl ]; then $(MAKE) e2e-kwctl PATH="$(NEWEST_KUBEWARDEN):$$PATH"; else \
	  echo "e2e-kwctl: missing: $(NEWEST_KUBEWARDEN)/kwctl" >> $(LEFT_OUT); fi)
	@[ ! -s $(LEFT_OUT) ] || { echo "left out:"; sed 's/^/  /' $(LEFT_OUT); }
	@left=$$(cat $(LEFT_OUT) 2>/dev/null | wc -l); all=$$(grep -c '^#\[test\]' e2e/tests/node/real/mod.rs); \
	  [ $$left -lt $$all ] || { echo "make $@: every scenario was left out" >&2; exit 1; }
given-programs:
	@ls -d "$(or $(PROGRAMS),PROGRAMS)"/kubewarden-*/ >/dev/null 2>&1 || { \
	  echo "make e2e-real: PROGRAMS must name a folder with a folder kubewarden-VERSION; see CONTRIBUTING.md" >&2; exit 1; }

e2e-promote: $(if $(wildcard $(HELM)),,$(NEWEST_HELM)) $(NODE_PROGRAMS)/registry.built $(PROMOTE_MODULES:%=$(PROMOTE_PROGRAMS)/%.built) ## Promote between real registries (needs buildah, skopeo; docker-registry if it is there; LARGE_LAYER)
	@$(call need-package,buildah)
	@$(call need-package,skopeo)
	$(CARGO) build $(SHARED) --bin local-registry-promote --test promote
	NODE_PROGRAMS=$(NODE_PROGRAMS) PROMOTE_PROGRAMS=$(PROMOTE_PROGRAMS) HELM=$(HELM) \
	  $(CARGO) test $(SHARED) --test promote -- --nocapture

# A run of the suite waits for its registry, so there are more of them at a time than processors.
e2e-conformance: $(CONFORMANCE) $(NODE_KUBERNETES)/kube-apiserver $(NEWEST_HELM) $(NODE_PROGRAMS)/registry.built $(NODE_PROGRAMS)/s3.built ## Run the OCI's conformance suite against the registry, as the chart configures it (SCENARIOS)
	$(CARGO) build $(SHARED) --bin local-registry-sync --test conformance
	CONFORMANCE=$(CONFORMANCE) KUBEBUILDER_ASSETS=$(NODE_KUBERNETES) NODE_PROGRAMS=$(NODE_PROGRAMS) HELM_PROGRAMS=$(HELM_PROGRAMS) \
	  RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))} \
	  $(CARGO) test $(SHARED) --test conformance -- --nocapture $(SCENARIOS)

# Clones only these folders of a project, for its CRDs and samples: $(call sparse,REPOSITORY,TAG,FOLDER...)
sparse = git -c advice.detachedHead=false clone --quiet --depth 1 --filter=blob:none --sparse --branch $(2) https://github.com/$(1) $@.git && \
  git -C $@.git sparse-checkout set $(3)
$(FETCHED):
	rm -rf $@.git $@.new && mkdir -p $@.new/kubewarden $@.new/shipwright $@.new/knative
	$(call sparse,kubewarden/kubewarden-controller,$(KUBEWARDEN),config/crd/bases)
	cp -r $@.git/config/crd/bases $@.new/kubewarden/crds && rm -rf $@.git
	$(call sparse,shipwright-io/build,$(SHIPWRIGHT),deploy/crds samples)
	cp -r $@.git/samples $@.git/deploy/crds $@.new/shipwright/ && rm -rf $@.git
	$(call sparse,knative/serving,$(KNATIVE),config/core/300-resources)
	cp -r $@.git/config/core/300-resources $@.new/knative/crds && rm -rf $@.git
	mv $@.new $@

e2e-kind: ## Run the commands of docs/quick-start-kind.md (needs docker, kind, kubectl, helm, kwctl)
	e2e/quick-start | bash -exuo pipefail

e2e-kwctl: annotated-policy.wasm ## Test the annotated policy and the manifests in kwctl (needs kwctl, bats, jq, yq)
	@$(need-kwctl)
	@$(call need-package,bats)
	@$(call need-package,jq)
	@$(need-yq)
	bats e2e/e2e.bats

reproducible: policy.wasm ## Build the policy again in another folder, and check that every bit is the same
	folder=$$(mktemp -d) && git ls-files -z | xargs -0 cp --parents --target-directory $$folder && \
	  $(MAKE) --directory $$folder policy.wasm CARGO_TARGET_DIR=$$folder/elsewhere && \
	  cmp policy.wasm $$folder/policy.wasm && rm -rf $$folder
	sha256sum policy.wasm

sbom: ## Write the bills of materials into target/sbom, as CycloneDX (needs cargo-cyclonedx)
	@$(call need,cargo-cyclonedx,cargo install --locked cargo-cyclonedx)
	$(CARGO) cyclonedx --format json --target $(TARGET) --override-filename policy.cdx
	$(CARGO) cyclonedx --format json --target $(MUSL) --override-filename sync.cdx --manifest-path crates/program/Cargo.toml
	$(CARGO) cyclonedx --format json --target $(MUSL) --override-filename promote.cdx --manifest-path crates/promote/Cargo.toml
	mkdir -p target/sbom && mv policy.cdx.json crates/program/sync.cdx.json crates/promote/promote.cdx.json target/sbom/
	git clean --quiet --force -- '*.cdx.json'

# The linker sets the version that a Kubernetes program reports. kubectl and the API server compare their versions.
BUILT := $(CURDIR)/target/e2e
RELEASE = $(shell cd e2e/kubernetes/$* && go list -m -f '{{.Version}}' k8s.io/kubernetes)
VERSION_FLAGS = $(foreach field,gitVersion=$(RELEASE) gitMajor=1 gitMinor=$(patsubst 1.%,%,$*),-X k8s.io/component-base/version.$(field))
$(BUILT)/%/kube-apiserver: e2e/kubernetes/%/go.mod e2e/kubernetes/%/go.sum
	@$(call need,go,install Go$(COMMA) or set KUBEBUILDER_ASSETS to a folder with etcd$(COMMA) kube-apiserver and kubectl)
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/etcd go.etcd.io/etcd/server/v3
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(VERSION_FLAGS)" -o $(@D)/ \
	  k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kube-apiserver
	@touch $@
$(BUILT)/%/kube-controller-manager: e2e/kubernetes/%/go.mod e2e/kubernetes/%/go.sum
	@$(call need,go,install Go)
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(VERSION_FLAGS)" -o $(@D)/ \
	  k8s.io/kubernetes/cmd/kube-controller-manager
	@touch $@
$(BUILT)/%/kubelet: e2e/kubernetes/%/go.mod e2e/kubernetes/%/go.sum
	@$(call need,go,install Go)
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(VERSION_FLAGS)" -o $(@D)/ \
	  $(foreach name,kubelet kube-proxy kube-scheduler,k8s.io/kubernetes/cmd/$(name))
	@touch $@
# ko runs Go. This has what a program without imports is built from.
define copy-go-ko
	rm -rf $(@D)/go && mkdir $(@D)/go
	cd "$$(cd e2e/node/ko && go env GOROOT)" && cp -r --parents bin/go go.env VERSION pkg/include pkg/tool/*/asm pkg/tool/*/compile \
	  pkg/tool/*/link src/go.mod src/internal src/math/bits src/runtime src/unsafe $(@D)/go/
	chmod -R u+w $(@D)/go
endef
# $(call build-tools,FOLDER): the tools of a module, and its own programs: CoreDNS is one around its plugins, `hosts` and
# `hosts-1` are some around containerd's code.
build-tools = cd $(1) && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/ $(if $(wildcard $(1)/*.go $(1)/*/*.go),./...) tool
.SECONDEXPANSION:
$(NODE_PROGRAMS)/%.built: e2e/node/%/go.mod e2e/node/%/go.sum $$(wildcard e2e/node/$$*/*.go e2e/node/$$*/*/*.go)
	@$(call need,go,install Go)
	$(call build-tools,e2e/node/$*)
	@touch $@
$(NODE_PROGRAMS)/%/built: e2e/node/%/go.mod e2e/node/%/go.sum
	@$(call need,go,install Go)
	mkdir -p $(@D) && cd e2e/node/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/ tool
	rm -rf $(@D)/manifests
	for from in $(MANIFESTS_$*); do \
	  module=$${from%:*} && to=$(@D)/manifests/$${module##*/} && mkdir -p $$to && \
	  cp -r --no-preserve=mode "$$(cd e2e/node/$* && go list -m -f '{{.Dir}}' $$module)/$${from#*:}" $$to/ || exit 1; \
	done
	$(copy-go-$*)
	@touch $@
$(HELM_PROGRAMS)/%/helm: e2e/helm/%/go.mod e2e/helm/%/go.sum
	@$(call need,go,install Go)
	cd e2e/helm/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/ tool
	@touch $@
# Without the clients of clouds: nothing is discovered in a test of rules, and they take longer than the rest.
$(PROMTOOL): e2e/prometheus/go.mod e2e/prometheus/go.sum
	@$(call need,go,install Go)
	cd e2e/prometheus && CGO_ENABLED=0 go build -trimpath -tags remove_all_sd -ldflags "-s -w" -o $(@D)/ tool
	@touch $@
$(CONFORMANCE): e2e/conformance/go.mod e2e/conformance/go.sum
	@$(call need,go,install Go)
	cd e2e/conformance && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/ tool
	@touch $@
$(PROMOTE_PROGRAMS)/%.built: e2e/promote/%/go.mod e2e/promote/%/go.sum $$(wildcard e2e/promote/$$*/*.go)
	@$(call need,go,install Go)
	$(call build-tools,e2e/promote/$*)
	@touch $@

fuzz: policy.wasm ## Try malformed payloads, and fuzz the parsers, the decision and the manifests (CASES, FUZZ_SECONDS; needs cargo-fuzz)
	PROPTEST_CASES=$(CASES) POLICY_WASM=$(CURDIR)/policy.wasm $(CARGO) test --locked --release \
	  --package local-registry-harness --test suite -- robustness:: laws::
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --release --package local-registry-core
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --release --package local-registry-promote --lib
	@$(call need,cargo-fuzz,cargo install --locked cargo-fuzz && rustup toolchain install nightly)
	cd fuzz && for target in reference host json settings decision parameters manifest; do \
	  mkdir -p corpus/$$target && \
	  $(CARGO) +nightly fuzz run $$target corpus/$$target $$(ls -d seeds/$$target 2>/dev/null) -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 || exit 1; \
	done

# The tests are built once, for all of these crates. Only their own tests count, and neither doctests nor what the tests of other crates
# reach: those of promote send most of the requests of oci.
coverage: ## Measure which lines the tests of core, declaration and oci reach; fail if these are fewer than COVERED (needs cargo-llvm-cov)
	@$(call need,cargo-llvm-cov,cargo install --locked cargo-llvm-cov && rustup component add llvm-tools)
	$(CARGO) llvm-cov clean --profraw-only
	$(CARGO) llvm-cov --locked --no-report $(foreach crate,$(COVERED),--package local-registry-$(word 1,$(subst :, ,$(crate))))
	status=0; for crate in $(COVERED); do \
	  $(CARGO) llvm-cov report --package local-registry-$${crate%:*} --fail-under-lines $${crate#*:} || \
	    { echo "make $@: $${crate%:*}: fewer than $${crate#*:} % of its lines; add the tests that are missing" >&2; status=1; }; \
	done; exit $$status

mutants: ## Change core in small ways, and check that a test fails each time (needs cargo-mutants)
	@$(call need,cargo-mutants,cargo install --locked cargo-mutants)
	$(CARGO) mutants --package local-registry-core --output target --no-shuffle

bench: policy.wasm nothing.wasm ## Compare the policy's cost with that of one that does nothing (SECONDS, POLICY_SERVER)
	$(MEASURE) bench --nothing $(NOTHING) --seconds $(SECONDS) policy.wasm

bench-admission: policy.wasm nothing.wasm $(KUBEBUILDER_ASSETS)/kube-apiserver $(if $(UPSTREAM),,$(FETCHED)) ## Time creates at a real API server, with and without the policy (SECONDS)
	$(CARGO) build --locked --release --package local-registry-harness --package local-registry-program
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) UPSTREAM=$(or $(UPSTREAM),$(FETCHED)) POLICY_WASM=$(CURDIR)/policy.wasm \
	  NOTHING_WASM=$(NOTHING) SECONDS=$(SECONDS) $(CARGO) run --locked --release --package local-registry-e2e --example admission

bench-agents: $(KUBEBUILDER_ASSETS)/kube-apiserver ## Measure what the agents of many nodes cost a real API server (AGENTS)
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) $(CARGO) run --locked --package local-registry-e2e --example agents

bench-promote: $(NODE_PROGRAMS)/registry.built $(PROMOTE_MODULES:%=$(PROMOTE_PROGRAMS)/%.built) $(BENCH_MODULES:%=$(PROMOTE_PROGRAMS)/%.built) ## Compare local-registry-promote with regsync, regctl, crane and skopeo (IMAGES, LARGE_LAYER; needs skopeo)
	@$(call need-package,skopeo)
	$(CARGO) build --locked --profile program --package local-registry-promote
	NODE_PROGRAMS=$(NODE_PROGRAMS) PROMOTE_PROGRAMS=$(PROMOTE_PROGRAMS) PROMOTE=$(CARGO_TARGET)/program/local-registry-promote \
	  $(CARGO) run --locked --package local-registry-e2e --example promote

# The program is the one of the image: what memory costs depends on its allocator.
soak: sync-static $(KUBEBUILDER_ASSETS)/kube-apiserver $(NEWEST_HELM) $(if $(UPSTREAM),,$(FETCHED)) ## Run the programs for an hour against a real API server that changes and breaks, and judge what grows (SOAK_SECONDS, SOAK_SEED, UPSTREAM)
	$(CARGO) test $(SHARED) --example soak
	$(CARGO) build $(SHARED) --example soak
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) HELM_PROGRAMS=$(HELM_PROGRAMS) UPSTREAM=$(or $(UPSTREAM),$(FETCHED)) \
	  STATIC_SYNC=$(CARGO_TARGET)/$(MUSL)/program/local-registry-sync \
	  SOAK_SECONDS=$(SOAK_SECONDS) SOAK_SEED=$(SOAK_SEED) $(CARGO_TARGET)/debug/examples/soak

load: policy.wasm ## Send requests to `harness serve`, or to URL, over 8 connections (DURATION; needs oha)
	@$(call need,oha,cargo install --locked oha)
	$(CARGO) build --locked --release --package local-registry-harness
	REQUEST=$(REQUEST) SETTINGS=$(SETTINGS) OBJECTS=$(OBJECTS) DURATION=$(DURATION) URL=$(URL) HARNESS=$(CARGO_TARGET)/release/harness crates/harness/load

nothing.wasm: wasm-target
	$(WASM_FLAGS) $(CARGO) build --locked --profile policy --target $(TARGET) --package local-registry-nothing

lint: wasm-target ## Check format, lints, docs, spelling, workflows and dependencies (needs cargo-deny, typos)
	@$(call need,cargo-deny,cargo install --locked cargo-deny)
	@$(call need,typos,cargo install --locked typos-cli)
	typos
	@if command -v actionlint >/dev/null; then echo actionlint; actionlint $(WORKFLOWS); else \
	  echo "make $@: actionlint is missing, and workflows are not checked;" \
	    "go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12" >&2; fi
	@if command -v zizmor >/dev/null; then echo zizmor; \
	  zizmor --offline --persona auditor --strict-collection --quiet .github/dependabot.yml $(WORKFLOWS); else \
	  echo "make $@: zizmor is missing, and workflows are not checked for what an attacker could use;" \
	    "pipx install zizmor==1.32.0" >&2; fi
	$(CARGO) deny --locked --workspace check $(DENY)
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --package local-registry-harness --no-default-features -- -D warnings
	$(CARGO) clippy --locked --package local-registry-harness --no-default-features --features serve -- -D warnings
	$(CARGO) clippy --locked --package local-registry-policy --package local-registry-nothing --target $(TARGET) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --workspace

verdicts: ## Record again how the Go parsers read the cases of crates/core/tests/parsers (needs go)
	cd crates/core/tests/parsers && go run . < verdicts.jsonl > verdicts.new && mv verdicts.new verdicts.jsonl

reference: ## Write the references of all command lines, and the table of the chart's values, into the docs
	BLESS=1 $(CARGO) test --locked --package local-registry-testkit --test repository chart::
	BLESS=1 $(CARGO) test --locked --package local-registry-promote --test suite reference::
	BLESS=1 $(CARGO) test --locked --package local-registry-program --test suite reference::
	BLESS=1 $(CARGO) test --locked --package local-registry-harness --test suite reference::

promote-digest: ## Print the digest of the released local-registry-promote
	@$(XTASK) promote-digest

released: ## List what is released, by digest
	@$(XTASK) released

version: ## Print the version
	@echo $(VERSION)

release-notes: ## Print the changes of the newest version
	@$(XTASK) release-notes

# The program reads these variables from the environment, as it does those of `make manifests`.
publisher: ## Write your registry, repository and address into every file that names them (REGISTRY, SOURCE_URL, EMAIL)
	$(XTASK) publisher

manifests: ## Render a release's manifests into target/manifests, and package its chart into target/chart, with the digests of release/ (MODULE_DIGEST, IMAGE_DIGEST, PROMOTE_DIGEST; needs helm)
	@$(need-helm)
	$(XTASK) manifests --helm $(HELM)
	$(HELM) package target/chart/local-registry --destination target/chart

check-manifests: ## Test `make manifests` with made-up digests (needs kubectl, helm, bats)
	@$(call need-package,bats)
	@$(need-helm)
	@$(need-kubectl)
	KUBECTL=$(KUBECTL) HELM=$(HELM) VERSION=$(VERSION) PRESETS="$$($(XTASK) presets)" bats e2e/manifests.bats

check-monitoring: $(PROMTOOL) ## Test when the alerts fire, in Prometheus' own engine (needs go, kubectl, helm, bats, jq)
	@$(call need-package,bats)
	@$(call need-package,jq)
	@$(need-helm)
	@$(need-kubectl)
	KUBECTL=$(KUBECTL) HELM=$(HELM) PROMTOOL=$(PROMTOOL) bats e2e/monitoring.bats

artifacthub: ## Write the package for Artifact Hub into target/artifacthub (needs kwctl, jq, yq)
	@$(need-kwctl)
	@$(call need-package,jq)
	@$(need-yq)
	rm -rf target/artifacthub && mkdir -p target/artifacthub && cp artifacthub/artifacthub-repo.yml target/artifacthub/
	jq --raw-input --slurp --from-file artifacthub/additions.jq --arg version $(VERSION) --arg source "$(SOURCE)" \
	  --arg policy "$$($(XTASK) annotation io.kubewarden.policy.ociUrl)" CHANGELOG.md > target/artifacthub-additions.json
	kwctl scaffold artifacthub --metadata-path policy-metadata/metadata.yml \
	  --questions-path policy-metadata/questions-ui.yml --output target/artifacthub-scaffold.yml
	yq --prettyPrint '. *+ load("target/artifacthub-additions.json")' target/artifacthub-scaffold.yml > target/artifacthub/artifacthub-pkg.yml

format: ## Format the code
	$(CARGO) fmt --all

clean: ## Remove everything that was built
	$(CARGO) clean
	rm -f policy.wasm annotated-policy.wasm
