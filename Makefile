# NovaRoute's commands; `make` lists them. People and CI use the same ones.
#
# Needs root, Debian 12 or 13, Rust and make; `setup` installs the rest. Variables:
#   FRR_ROOT=DIR              use the FRR (>= 10.3) of this root file system in labs
#   NOVAROUTE_LAB_CACHE=DIR   where the FRR root file system that setup builds is kept

LAB := tests/lab/lab.sh
TARGET := $(or $(CARGO_TARGET_DIR),target)

# Real-FRR tests are the test binaries called frr_*; no more of them at a time than
# .config/nextest.toml says.
FRR_TESTS := frr_*
FRR_THREADS := 3
NEXTEST := $(shell command -v cargo-nextest 2>/dev/null)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what this machine lacks and build the cached FRR (idempotent)
	@tests/lab/setup.sh

.PHONY: setup-grpc
setup-grpc: setup ## build FRR's own gRPC module for the lab (minutes, once; its tests do it too)
	@tests/lab/grpc.sh >/dev/null

.PHONY: build
build: setup ## build the binaries (debug)
	cargo build --bins

# The first build of all has nothing to build upon: without what the next one would, it takes less.
FIRST_BUILD = $(if $(wildcard $(TARGET)/debug/incremental),,CARGO_INCREMENTAL=0)

# Ends the labs that killed test processes left, and passes the exit code $$? on.
REAP = { code=$$?; $(LAB) reap; exit $$code; }

.PHONY: test
test: setup ## run all tests: unit, golden, property, real FRR
	cargo test --features failpoints --doc --quiet
ifdef NEXTEST
	cargo nextest run --features failpoints || $(REAP)
else
	cargo test --features failpoints --no-fail-fast --lib --bins --tests -- --test-threads=$(FRR_THREADS) || $(REAP)
endif

.PHONY: test-frr
test-frr: setup ## run the real-FRR tests alone (FRR_ROOT=DIR: another FRR)
ifdef NEXTEST
	cargo nextest run --features failpoints --filterset 'binary(/^frr_/)' || $(REAP)
else
	cargo test --features failpoints --no-fail-fast --test '$(FRR_TESTS)' -- --test-threads=$(FRR_THREADS) || $(REAP)
endif

# The codename that Debian's testing has now.
TESTING ?= forky

# A test binary on real FRR, and how often; LOAD=1: half of the runs beside a load on every core.
TEST ?= frr_agent
TIMES ?= 10
LOAD ?=

.PHONY: repeat
repeat: setup ## run one test binary many times (TEST=frr_agent TIMES=50 LOAD=1: half of them beside a load); failures are counted
	LOAD=$(LOAD) tests/repeat.sh $(TEST) $(TIMES) || $(REAP)

.PHONY: lane-stable lane-testing
lane-stable: setup ## the real-FRR tests on the lab's own FRR, for the table in docs/src/frr-versions.md
	tests/lab/lane.sh trixie

lane-testing: setup ## the same on the FRR of Debian's testing (TESTING=forky); skipped aloud where it can't be had
	tests/lab/lane.sh $(TESTING)

# Seconds of the soak and of the load, and of fuzzing each reader.
SOAK_SECONDS ?= 300
LOAD_SECONDS ?= 300
FUZZ_SECONDS ?= 60

.PHONY: mutants
mutants: setup ## put each fault of tests/mutants back into a copy and see that its tests find it (half an hour)
	tests/mutants/run.sh

.PHONY: soak
soak: setup ## random sequences of intents and faults on real FRR, memory flat (SOAK_SECONDS=300), seeds printed
	NOVAROUTE_MODEL_SECONDS=$(SOAK_SECONDS) cargo test --features failpoints --test frr_model -- --nocapture || $(REAP)

# Seconds of the simulation.
SIMULATION_SECONDS ?= 60

.PHONY: simulation
simulation: ## play histories of clients, faults and restarts without FRR or root (SIMULATION_SECONDS=60), seeds printed
	NOVAROUTE_SIMULATION_SECONDS=$(SIMULATION_SECONDS) cargo test --profile simulation --test simulation -- --nocapture

.PHONY: soak-hour
soak-hour: ## the soak for an hour
	$(MAKE) soak SOAK_SECONDS=3600

# Intents beside each operator's configuration.
OPERATOR_INTENTS ?= 200

.PHONY: operators
operators: setup ## play 200 intents and faults beside each of the operators' configurations in tests/operators (an hour and a half)
	NOVAROUTE_OPERATORS_INTENTS=$(OPERATOR_INTENTS) cargo test --features failpoints --test frr_operators -- --nocapture || $(REAP)

.PHONY: load
load: setup ## 50 clients while FRR restarts (LOAD_SECONDS=300), latencies printed
	NOVAROUTE_LOAD_SECONDS=$(LOAD_SECONDS) cargo test --features failpoints --test frr_load -- --nocapture || $(REAP)

FUZZ_BUILT = $(TARGET)/debug
FUZZ_TARGETS := $(patsubst fuzz/fuzz_targets/%.rs,%,$(wildcard fuzz/fuzz_targets/*.rs))

.PHONY: fuzz-build
fuzz-build: setup
	cd fuzz && RUSTC_WRAPPER=$(abspath fuzz/rustc.sh) CARGO_TARGET_DIR=$(abspath $(TARGET)) cargo build

.PHONY: fuzz
fuzz: fuzz-build ## coverage-guided, every reader of bytes from elsewhere (FUZZ_SECONDS=60 each); what is new is in target/fuzz/corpus
	@set -e; for target in $(FUZZ_TARGETS); do \
		new=$(TARGET)/fuzz/corpus/$$target; mkdir -p $$new $(TARGET)/fuzz/artifacts; \
		echo "== $$target"; \
		$(FUZZ_BUILT)/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
			-artifact_prefix=$(TARGET)/fuzz/artifacts/$$target- -print_final_stats=1 $$new fuzz/corpus/$$target; \
	done

.PHONY: fuzz-keep
fuzz-keep: fuzz-build ## take what fuzzing found new into fuzz/corpus, as little of it as covers the same
	@set -e; for target in $(FUZZ_TARGETS); do \
		least=$(TARGET)/fuzz/least/$$target; rm -rf $$least; mkdir -p $$least $(TARGET)/fuzz/corpus/$$target; \
		$(FUZZ_BUILT)/$$target -merge=1 -max_len=4096 $$least fuzz/corpus/$$target $(TARGET)/fuzz/corpus/$$target; \
		rm -rf fuzz/corpus/$$target; cp -r $$least fuzz/corpus/$$target; \
	done

# A benchmark leaves nothing in docs/ unless it is told to: BENCH_OUT=docs/bench.
BENCH_OUT ?= $(TARGET)/bench

.PHONY: bench
bench: setup ## measure NovaRoute against FRR's own floor (15 minutes), and the pure parts
	cargo bench --bench whole -- --out $(abspath $(BENCH_OUT)) || $(REAP)
	cargo bench --bench pure

.PHONY: bench-quick
bench-quick: setup ## a small benchmark for every day (two minutes)
	cargo bench --bench whole -- --quick --out $(abspath $(BENCH_OUT)) || $(REAP)

.PHONY: instructions
instructions: setup ## count the instructions of the pure parts, and fail where they are over 3 % more (valgrind)
	benches/instructions.sh

.PHONY: lab
lab: setup ## start a lab to play with and print what to type in it
	@$(LAB) up
	@$(LAB) howto

.PHONY: lab-down
lab-down: ## end that lab, and labs whose tests were killed
	@$(LAB) down
	@$(LAB) reap

.PHONY: demo
demo: setup ## show the whole way of a route, from a client to real peers
	$(FIRST_BUILD) cargo build --bin novaroute-agent --bin novaroutectl
	@PATH="$(abspath $(TARGET))/debug:$$PATH" tests/lab/demo.sh

.PHONY: lint
lint: setup ## check formatting, run clippy, make the documentation and check every script; warnings are errors
	cargo fmt --check
	cd fuzz && cargo fmt --check
	tests/lint-scripts.sh
	cargo clippy --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --all-features

# Advisories are in a repository on the internet: where that is out of reach, the rest is still checked.
.PHONY: audit
audit: ## licences, sources and advisories of the dependencies, where cargo-deny is installed
	cargo test --features failpoints --quiet --test supply_chain
	@if ! command -v cargo-deny >/dev/null; then \
		echo "cargo-deny is not installed (cargo install cargo-deny): advisories NOT checked"; \
	else cargo deny --all-features check bans licenses sources && \
		{ cargo deny --all-features fetch db || { echo "no advisory database to be had: advisories NOT checked"; exit 0; }; \
		cargo deny --all-features check advisories; }; fi

# The oldest Rust that is promised, said once, in Cargo.toml. It has a target directory of its own: the other compiler would
# throw away what this one built.
MSRV = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

.PHONY: msrv
msrv: ## check that the programs compile with the oldest Rust that Cargo.toml promises (rustup installs it)
	rustup toolchain install $(MSRV) --profile minimal --no-self-update
	CARGO_TARGET_DIR=$(TARGET)/msrv cargo +$(MSRV) check --locked --bins

# The images by any engine (docker, podman, buildah); IMAGE_ARGS for other base images.
ENGINE ?= docker
IMAGE_ARGS ?=

.PHONY: images
images: ## build both images (ENGINE=docker, IMAGE_ARGS='--build-arg …')
	$(ENGINE) build $(IMAGE_ARGS) -t novaroute-frr deploy/frr
	$(ENGINE) build $(IMAGE_ARGS) -t novaroute-agent .

.PHONY: docs
docs: ## write the generated pages, and build the book to target/book where mdbook is installed
	NOVAROUTE_WRITE_DOCS=1 cargo test --quiet --features failpoints --test book -- --test-threads=1
	@if command -v mdbook >/dev/null; then mdbook build docs; \
	else echo "mdbook is not installed (cargo install mdbook): pages are in docs/src"; fi
