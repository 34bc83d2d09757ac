# Everything starts from here, on a machine with nothing but make and Python >= 3.11.
PYTHON ?= python3
PYTEST_FLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
USABLE := $(VENV)/.usable
READY := $(VENV)/.ready
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)
INSTALL := python -m pip install -qq --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo browser test lint docs format wheel-test clean

help:  ## this list
	@awk -F ':|## ' '/^[a-z-]+:.*## / { printf "  make %-12s%s\n", $$1, $$NF }' Makefile

# torch comes first and by its exact version: asked for by another package's range, it would be
# the newest build, with gigabytes of CUDA packages where a CPU build is at hand.
$(USABLE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "textvae needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) $(TORCH)
	$(BIN)/$(INSTALL) -e '.[explore,zh]'
	@touch $@

# What developers need beside it is most of what there is to fetch: who wants to see a demo need not wait for it.
$(READY): $(USABLE)
	$(BIN)/$(INSTALL) -e '.[dev]'
	@touch $@

setup: $(READY)  ## the virtual environment .venv, with everything in it

demo: $(USABLE)  ## train a small model on texts that come with Python, and play with it
	$(BIN)/textvae demo

# The tests of pages drive a real Chromium. Where it can't be had they are skipped, unless TEXTVAE_BROWSER=required.
browser:
	@for name in $$CHROMIUM chromium chromium-browser google-chrome google-chrome-stable; do \
		if command -v "$$name" >/dev/null; then exit 0; fi; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "installing Chromium for the tests of pages"; \
		{ apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-wqy-microhei; } >/dev/null && exit 0; \
	fi; \
	echo "No Chromium here: the tests of pages will be skipped. Install it, or name it in CHROMIUM."

test: $(READY) browser  ## the tests (PYTEST_FLAGS="-n 2 -x" for options of pytest)
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: $(READY)  ## style, types and floors
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

docs: $(READY)  ## the documentation site, into site/
	$(BIN)/python -m zensical build --clean --strict

format: $(READY)  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format

# In an empty environment, outside the source tree, with the core dependencies only: what a user gets.
wheel-test: $(READY)  ## build the wheel, install it elsewhere and run it there
	@set -eu; dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; set -x; \
	$(BIN)/python -m build --wheel --no-isolation --outdir "$$dir/dist" . >/dev/null; \
	$(BIN)/python -m venv "$$dir/venv"; \
	"$$dir"/venv/bin/$(INSTALL) $(TORCH); \
	"$$dir"/venv/bin/$(INSTALL) "$$dir"/dist/*.whl; \
	diff -r -x __pycache__ src/textvae "$$dir"/venv/lib/python3*/site-packages/textvae; \
	cd "$$dir"; venv/bin/textvae demo --steps 20

clean:  ## caches and builds; .venv stays
	rm -rf build dist site .cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
