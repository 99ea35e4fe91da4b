# Everything a newcomer needs: `make run` shows ordermill at work, `make test` proves it.
# Needs Python 3.11 or newer (PYTHON=python3.12 chooses one) and make; the rest is fetched into .venv.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv
PIP := pip --quiet --disable-pip-version-check
HOUSE := dist/wheelhouse

.PHONY: help run setup test check supply wheelhouse bench chaos lock schema clean
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/.ready ## the demo: two simulated shops, their orders arriving in a throw-away store
	@$(BIN)/ordermill demo $(ARGS)

setup: .venv/.ready ## only install

test: .venv/.ready-dev ## every test, on SQLite and PostgreSQL, in parallel
	@$(BIN)/python -m pytest -q -n 3 --dist loadgroup $(ARGS)

check: .venv/.ready-dev ## formatter, linter, types, components and tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/python -m tests.supply
	@ORDERMILL_FUZZ=$${ORDERMILL_FUZZ:-200} $(MAKE) --no-print-directory test

supply: .venv/.ready-dev ## the components as CycloneDX, their licences, and an audit where it can be asked
	@$(BIN)/python -m tests.supply

# For the platform and the Python that it is made with.
wheelhouse: .venv/.ready ## all that an install without a network needs, in dist/wheelhouse, and one tried
	@rm -rf $(HOUSE) dist/tried && mkdir -p $(HOUSE) && cp requirements.lock $(HOUSE)
	@$(BIN)/python -m $(PIP) download --require-hashes --requirement requirements.lock --dest $(HOUSE)
	@$(BIN)/python -m $(PIP) wheel --no-deps --wheel-dir $(HOUSE) .
	@$(BIN)/python -m venv dist/tried
	@dist/tried/bin/python -m $(PIP) install --no-index --find-links $(HOUSE) --require-hashes --requirement $(HOUSE)/requirements.lock
	@dist/tried/bin/python -m $(PIP) install --no-index --no-deps $(HOUSE)/ordermill-*.whl
	@dist/tried/bin/ordermill connectors && rm -rf dist/tried && echo "$(HOUSE): installed without a network, and started"

bench: .venv/.ready-bench ## the figures of docs/benchmarks.md, measured here
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: .venv/.ready-dev ## storms over shops, processes and databases; ARGS="--seeds 300"
	@PYTHONPATH=tests $(BIN)/python -m chaos $(ARGS)

lock: .venv/.ready-dev ## resolve the dependencies anew
	@for part in "" dev bench; do \
	  $(UV) pip compile pyproject.toml $${part:+--extra $$part} --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
	    --quiet --output-file requirements$${part:+-$$part}.lock; done

schema: .venv/.ready ## rewrite config/ordermill.schema.json from the models
	@$(BIN)/ordermill schema > config/ordermill.schema.json

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "ordermill needs Python 3.11 or newer on PATH"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ordermill needs Python 3.11 or newer; this is $$($(PYTHON) --version). Say: make run PYTHON=python3.12"; exit 1; }
	@echo "making .venv"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "this Python cannot make environments; on Debian: apt-get install python3-venv"; exit 1; }

.venv/bin/uv: | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# $(1): the lock file: exact versions with hashes; then ordermill itself, editable, without resolving anything.
define install
	@echo "installing from $(1)"
	@$(UV) pip install --quiet --require-hashes --python $(BIN)/python -r $(1)
	@$(UV) pip install --quiet --no-deps --python $(BIN)/python -e .
endef

.venv/.ready: pyproject.toml requirements.lock | .venv/bin/uv
	$(call install,requirements.lock)
	@touch $@

.venv/.ready-dev: pyproject.toml requirements-dev.lock | .venv/bin/uv
	$(call install,requirements-dev.lock)
	@touch $@ .venv/.ready

.venv/.ready-bench: pyproject.toml requirements-bench.lock | .venv/bin/uv
	$(call install,requirements-bench.lock)
	@touch $@ .venv/.ready-dev .venv/.ready
