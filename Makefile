# Everything a contributor or CI runs; `make help` lists it.

CARGO ?= cargo
TARGET := wasm32-wasip1
MODULE := target/$(TARGET)/policy/policy.wasm
NOTHING := target/$(TARGET)/policy/nothing.wasm
HARNESS := $(CARGO) run --quiet --locked --package local-registry-harness --bin harness --

# The samples that `make run` evaluates.
REQUEST ?= examples/buildrun-request.json
SETTINGS ?= examples/settings.yaml
OBJECTS ?= examples/objects
# How large the module and the sync job may become, in bytes.
LIMIT := 180000
SYNC_LIMIT := 9000000
MUSL := $(shell uname -m)-unknown-linux-musl

# The Kubernetes release that `make e2e` builds and runs: a folder of e2e/kubernetes.
KUBERNETES ?= 1.37
KUBEBUILDER_ASSETS ?= $(CURDIR)/target/e2e/$(KUBERNETES)

# What `make sync-image` builds, and with which program.
IMAGE ?= local-registry-sync
CONTAINER ?= $(shell command -v docker || echo buildah)

# How many payloads `make fuzz` spoils, and how long it fuzzes each target, in seconds.
CASES ?= 200000
FUZZ_SECONDS ?= 300
# How long `make bench` asks each question.
SECONDS ?= 2

# $(call check-size,FILE,BYTES)
check-size = size=$$(wc -c < $(1)); echo "$(1): $$size bytes of at most $(2)"; test $$size -le $(2)

.DEFAULT_GOAL := help
.PHONY: help run serve sync sync-static sync-image test e2e fuzz mutants bench load lint verdicts format clean wasm-target nothing.wasm FORCE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9.-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

policy.wasm: FORCE wasm-target ## Build the policy, and refuse it when it has grown too large
	$(CARGO) build --locked --profile policy --target $(TARGET) --package local-registry-policy
	@cmp -s $(MODULE) $@ || cp $(MODULE) $@
	@$(call check-size,$@,$(LIMIT))

wasm-target:
	@test -d "$$(rustc --print target-libdir --target $(TARGET))" || rustup target add $(TARGET)

run: policy.wasm ## Evaluate a sample BuildRun (REQUEST, SETTINGS, OBJECTS) and show what changes
	$(HARNESS) run --diff always --request-path $(REQUEST) --settings-path $(SETTINGS) --objects-path $(OBJECTS) policy.wasm

serve: policy.wasm ## Serve the policy at http://127.0.0.1:8443/validate/local-registry
	$(HARNESS) serve --settings-path $(SETTINGS) --objects-path $(OBJECTS) policy.wasm

sync: ## Build local-registry-sync for this machine
	$(CARGO) build --locked --profile sync --package local-registry-sync
	@$(call check-size,target/sync/local-registry-sync,$(SYNC_LIMIT))

# The C of ring needs no more of a C library than memory functions, so any compiler for the machine will do.
sync-static: ## Build local-registry-sync without any shared library (musl)
	@test -d "$$(rustc --print target-libdir --target $(MUSL))" || rustup target add $(MUSL)
	CC_$(subst -,_,$(MUSL))="$${CC:-cc}" $(CARGO) build --locked --profile sync --target $(MUSL) --package local-registry-sync
	@$(call check-size,target/$(MUSL)/sync/local-registry-sync,$(SYNC_LIMIT))

sync-image: sync-static ## Build the sync job's image (IMAGE), with docker or buildah (CONTAINER)
	$(CONTAINER) build --tag $(IMAGE) --build-arg BINARY=target/$(MUSL)/sync/local-registry-sync .

annotated-policy.wasm: policy.wasm policy-metadata/metadata.yml ## Write the metadata into the policy (needs kwctl)
	@command -v kwctl >/dev/null || { echo "make $@: kwctl is missing; install it from the releases of kubewarden/kubewarden-controller" >&2; exit 1; }
	kwctl annotate policy.wasm --metadata-path policy-metadata/metadata.yml --output-path $@

test: policy.wasm nothing.wasm ## Run all tests, those of the built policy in its engine included
	POLICY_WASM=$(CURDIR)/policy.wasm NOTHING_WASM=$(CURDIR)/$(NOTHING) \
	  $(CARGO) test --locked --workspace --exclude local-registry-e2e

e2e: policy.wasm $(KUBEBUILDER_ASSETS)/kube-apiserver ## Run the chain against a real API server (KUBEBUILDER_ASSETS or KUBERNETES, UPSTREAM)
	$(CARGO) build --locked --package local-registry-harness --package local-registry-sync
	KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) POLICY_WASM=$(CURDIR)/policy.wasm \
	  $(CARGO) test --locked --package local-registry-e2e

# What a program says of its own version comes from its linker; kubectl and the API server compare it.
BUILT := $(CURDIR)/target/e2e
RELEASE = $(shell sed -n 's|^\tk8s.io/kubernetes \(v[0-9.]*\).*|\1|p' e2e/kubernetes/$*/go.mod)
VERSION_FLAGS = $(foreach field,gitVersion=$(RELEASE) gitMajor=1 gitMinor=$(patsubst 1.%,%,$*),-X k8s.io/component-base/version.$(field))
$(BUILT)/%/kube-apiserver: e2e/kubernetes/%/go.mod e2e/kubernetes/%/go.sum
	@command -v go >/dev/null || { echo "make e2e: Go is missing; install it, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl" >&2; exit 1; }
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $(@D)/etcd go.etcd.io/etcd/server/v3
	cd e2e/kubernetes/$* && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w $(VERSION_FLAGS)" -o $(@D)/ \
	  k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kube-apiserver
	@touch $@

fuzz: policy.wasm ## Spoil payloads at random, and fuzz what reads text (CASES, FUZZ_SECONDS; needs cargo-fuzz)
	PROPTEST_CASES=$(CASES) POLICY_WASM=$(CURDIR)/policy.wasm $(CARGO) test --locked --release \
	  --package local-registry-harness --test robustness --test laws
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --release --package local-registry-core
	@command -v cargo-fuzz >/dev/null || { echo "make fuzz: cargo-fuzz is missing; cargo install --locked cargo-fuzz, and rustup toolchain install nightly" >&2; exit 1; }
	cd fuzz && for target in reference host settings decision; do \
	  mkdir -p corpus/$$target && \
	  $(CARGO) +nightly fuzz run $$target corpus/$$target seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 || exit 1; \
	done

mutants: ## Break core in every small way, and see the tests fail (needs cargo-mutants)
	@command -v cargo-mutants >/dev/null || { echo "make mutants: cargo-mutants is missing; cargo install --locked cargo-mutants" >&2; exit 1; }
	$(CARGO) mutants --package local-registry-core --output target --no-shuffle

bench: policy.wasm nothing.wasm ## Compare the policy with one that does nothing (SECONDS, POLICY_SERVER)
	$(CARGO) run --quiet --locked --release --package local-registry-harness --bin harness -- \
	  bench --nothing $(NOTHING) --seconds $(SECONDS) policy.wasm

load: policy.wasm ## Ask a webhook over 8 connections for a minute (POLICY_SERVER)
	$(CARGO) run --quiet --locked --release --package local-registry-harness --bin harness -- load policy.wasm

nothing.wasm: wasm-target
	$(CARGO) build --locked --profile policy --target $(TARGET) --package local-registry-nothing

lint: wasm-target ## Check format and lints, for the host and for the policy's target
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked --package local-registry-policy --package local-registry-nothing --target $(TARGET) -- -D warnings

verdicts: ## Ask the Go parsers again about the references and hosts of core/tests/parsers (needs Go)
	cd core/tests/parsers && go run . < verdicts.jsonl > verdicts.new && mv verdicts.new verdicts.jsonl

format: ## Format the code
	$(CARGO) fmt --all

clean: ## Remove what was built
	$(CARGO) clean
	rm -f policy.wasm annotated-policy.wasm
