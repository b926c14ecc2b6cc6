# Thin: each target is what it says. The packages live in a cached environment keyed by pyproject.toml, so a second
# checkout starts in seconds; .venv holds only the link to it and the three commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
MODEL ?= $(shell $(PYTHON) .ci/best_model.py)
EDGESCRIBE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/edgescribe
export EDGESCRIBE_CACHE
BIN := .venv/bin
ADAPTER := $(if $(wildcard models/adapters/$(MODEL)/adapter_config.json),--adapter models/adapters/$(MODEL))

.PHONY: help demo run test test-long check bench lock train export clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: pyproject.toml locks/all.txt .ci/environment.py
	@$(PYTHON) .ci/environment.py

demo: .venv/ready ## from nothing to a note on this machine (MODEL=name for another base model)
	@$(BIN)/edgescribe-export onnx $(MODEL) $(ADAPTER)
	@$(BIN)/edgescribe-export tagger minilm
	@$(BIN)/edgescribe-export tagger judge
	@$(BIN)/edgescribe demo --bundle $(MODEL)

run: .venv/ready ## the program itself
	@$(BIN)/edgescribe

check: .venv/ready ## linters, types and import contracts
	@$(BIN)/python -m ruff format --check . && $(BIN)/python -m ruff check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"

test: check ## everything that must pass with every change
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-long: .venv/ready ## what takes long and rarely breaks: the wheel, kills, real training, fuzzing
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m long

bench: .venv/ready ## measured ratios on this machine
	@$(BIN)/python -m tests.bench

lock: ## write locks/ anew after a change of pyproject.toml's dependencies
	@$(PYTHON) .ci/lock.py

train: .venv/ready ## fine-tune MODEL: minutes with CUDA; else its CPU recipe, 25 to 90 minutes (resumes)
	@config=training/configs/$(MODEL); \
	cuda='import torch; raise SystemExit(0 if torch.cuda.is_available() else 3)'; \
	[[ ! -f $$config-cpu.toml ]] || $(BIN)/python -c "$$cuda" || config+=-cpu; \
	$(BIN)/edgescribe-training run $$config.toml --resume

export: .venv/ready ## build the int4 bundle of MODEL
	@$(BIN)/edgescribe-export onnx $(MODEL) $(ADAPTER)

clean: ## remove this checkout's environment and caches (not the shared cache)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
