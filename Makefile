# `make demo` and `make test` need nothing but Python 3.11 or later; they install what they use into .venv and .tools.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= $(shell tools/python)
BIN := .venv/bin
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-8s %s\n", $$1, $$2 }' Makefile

.venv/.installed: requirements/dev.txt
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python $(INSTALL) -r requirements/dev.txt
	pwd > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/stanch.pth"
	printf '#!%s/.venv/bin/python\nfrom stanch.cli.main import main\n\nmain()\n' "$$(pwd)" > $(BIN)/stanch
	chmod +x $(BIN)/stanch
	touch $@

# The SAM CLI has narrow pins, so it lives apart; it also brings Amazon's Runtime Interface Emulator for the runtime tests.
.tools/sam/.installed: requirements/sam.txt
	$(PYTHON) -m venv --clear .tools/sam
	.tools/sam/bin/python $(INSTALL) -r requirements/sam.txt
	touch $@

# Mutation testing runs the tests themselves, so its environment holds all of theirs besides its own tools.
.tools/mutants/.installed: requirements/mutation.txt
	$(PYTHON) -m venv --clear .tools/mutants
	.tools/mutants/bin/python $(INSTALL) -r requirements/mutation.txt
	touch $@

# The approval page is tested in a real browser: Debian's, installed here where we may.
.tools/browser:
	mkdir -p .tools
	command -v chromedriver > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core; } \
	  || { echo "the approval page's tests need chromium and chromedriver: install them first"; exit 1; }
	touch $@

install: .venv/.installed ## the environment alone

demo: .venv/.installed ## replay every sample event through the real handlers on local clouds, then undo
	@$(BIN)/python tools/demo.py

test: .venv/.installed .tools/sam/.installed .tools/browser ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/.installed .tools/sam/.installed ## format, lint, types, architecture, cold budget, templates, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture/test_cold_budget.py
	$(BIN)/python tools/generate.py --check
	$(BIN)/cfn-lint template.yaml deploy/aws/member-role.yaml
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 .tools/sam/bin/sam validate --lint --template template.yaml

docs: .venv/.installed ## everything generated: catalogue, IAM policies, schema
	$(BIN)/python tools/generate.py

bench: .venv/.installed ## beside the alternatives, as ratios; writes bench/results.json and docs/performance.md (needs Linux and Python 3.13); ARGS="--rounds 2 --events 30" is quick
	$(BIN)/python -m bench $(ARGS)

proof: .venv/.installed .tools/sam/.installed ## every claim with its figure, in full (over an hour); writes docs/proof.md; FIGURE=name measures one, FIGURE="crash --only REMEDIATION" a part of it
	$(BIN)/python -m tests.proof $(FIGURE)

mutants: .tools/mutants/.installed ## how good the tests are of guardrails, engine and journal; writes docs/mutants.md; PART=guards runs one part
	.tools/mutants/bin/python tools/mutants.py $(PART)

build: .venv/.installed ## the deployment artefacts of both clouds under build/
	$(BIN)/python tools/package.py aws build/aws
	$(BIN)/python tools/package.py azure build/azure

# `sam build` calls these, one a function (BuildMethod: makefile).
build-%: .venv/.installed
	$(BIN)/python tools/package.py aws "$(ARTIFACTS_DIR)"

lock: .venv/.installed ## lock the requirements anew (needs uv)
	for part in aws azure dev mutation sam; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-strip-extras --custom-compile-command 'make lock' requirements/$$part.in --output-file requirements/$$part.txt; done
	for part in bench/requirements/*.in; do uv pip compile --quiet --python-version 3.13 --generate-hashes --no-annotate \
	  --no-strip-extras --custom-compile-command 'make lock' $$part --output-file $${part%.in}.txt; done

.PHONY: help install demo test check docs bench mutants proof build lock
