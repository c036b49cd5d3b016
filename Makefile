# `make build` and `make test` are all that a new machine needs; the others are for working on bs itself.

PYTHON ?= python3
VENV := .venv
BS := $(VENV)/bin/bs

.PHONY: build test check lint fmt unit integration bench bench-finding-out bench-optimizations bench-ci bench-engines docs clean machine \
	bytecode

build: $(BS) machine bytecode
	$(BS) build all

test: $(VENV)/dev
	@scripts/machine test
	$(MAKE) --no-print-directory lint
	$(VENV)/bin/pytest

$(BS): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@# The script that this pip writes for bs starts without Python's regular expressions, in half the time.
	$(VENV)/bin/pip install -q --disable-pip-version-check pip==26.3
	$(VENV)/bin/pip install -q --disable-pip-version-check -e . --config-settings editable_mode=compat
	@touch $(BS)

$(VENV)/dev: $(BS) pyproject.toml
	$(VENV)/bin/pip install -q --disable-pip-version-check -e '.[dev]' --config-settings editable_mode=compat
	@touch $(VENV)/dev

# Where PYTHONDONTWRITEBYTECODE is set, each start of bs would compile all of it again: 0.15 s.
bytecode: $(BS)
	@$(VENV)/bin/python -m compileall -q buildsys

# What a private BuildKit and bases without a registry need of the system.
machine:
	@scripts/machine

check: lint unit

lint: $(VENV)/dev
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

fmt: $(VENV)/dev
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

unit: $(VENV)/dev
	$(VENV)/bin/pytest -m 'not integration'

integration: $(VENV)/dev
	@scripts/machine test
	$(VENV)/bin/pytest -m integration

bench: $(VENV)/dev machine bytecode
	$(VENV)/bin/python -m bench

bench-finding-out: $(VENV)/dev bytecode
	$(VENV)/bin/python -m bench.finding_out

bench-optimizations: $(VENV)/dev machine bytecode
	$(VENV)/bin/python -m bench.optimizations

bench-ci: $(VENV)/dev machine bytecode
	$(VENV)/bin/python -m bench.ci

bench-engines: $(VENV)/dev machine bytecode
	$(VENV)/bin/python -m bench.engines

docs: $(VENV)/dev
	$(VENV)/bin/python -m tests.regenerate

clean:
	rm -rf $(VENV) .bs .mypy_cache .ruff_cache .pytest_cache .hypothesis
