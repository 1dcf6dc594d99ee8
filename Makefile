# Every target sets itself up: a .venv of its own, hash-locked packages, nothing global.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# A PYTHON that is given decides: a .venv of another one is made anew. Otherwise .venv stays what it is.
IDENTITY := import sys; print(sys.version, sys.base_prefix)
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(BIN)/python),)
ifneq ($(shell $(BIN)/python -c '$(IDENTITY)' 2>&1),$(shell $(PYTHON) -c '$(IDENTITY)' 2>&1))
ANOTHER := another-python
endif
endif
endif

# What `pip install .` without -e leaves: a copy, which is what would run from then on.
COPY := $(wildcard $(VENV)/lib/python*/site-packages/sidecar)

# VARIABLE=0 means no.
given = $(filter-out 0 no false,$($(1)))

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench clients kubernetes helm servers format docs monitoring lock clean another-python copy-of-the-code

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.demo ## make .venv with every command: .venv/bin/irsa-sidecar (PYTHON=python3.12 chooses the Python)

demo: $(VENV)/$(if $(STS),.dev,.demo) ## the main job, offline: lab, sidecar and a real SDK (ONCE=1, OUTAGE=20, ROLES=1, STS=versitygw)
	@exec $(BIN)/$(if $(STS),python -m tests.other_sts.demo $(STS),irsa-sidecar demo) $(if $(call given,ONCE),--once) $(if $(call given,OUTAGE),--outage $(OUTAGE)) $(if $(call given,ROLES),--roles)

WORKERS := -n auto --dist loadfile --no-loadscope-reorder
# A time-out on a busy machine says nothing about behaviour; a wrong value does, and is never tried again.
RERUN := -raR --reruns 1 --only-rerun '^TimeoutError' --only-rerun '^TimeoutExpired' --only-rerun '^Failed: Timeout '

test: $(VENV)/.dev ## run every test; CI=true: with the coverage floor and more made-up cases (ARGS=-n0: one at a time)
	$(BIN)/python -m pytest $(WORKERS) $(if $(CI),--cov --cov-report=term $(RERUN)) $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin sidecar
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## speed, memory and behaviour beside the peers (ARGS=--quick: some minutes, nothing published)
	$(BIN)/python -m bench $(ARGS)

clients: $(VENV)/.demo ## real SDKs in five languages, by every face (as root; ARGS="'Go v1' Ruby" tries some)
	$(BIN)/python -m tests.clients.run $(ARGS)

kubernetes: $(VENV)/.dev ## a real API server judges manifests and tokens (needs Go and etcd; the first time takes minutes)
	$(BIN)/python -m tests.kubernetes.build
	$(BIN)/python -m pytest tests/kubernetes $(ARGS)

helm: $(VENV)/.dev ## Helm 3 and Helm 4 render the chart and install it (needs Go; the first time takes minutes)
	$(BIN)/python -m tests.chart.build
	$(BIN)/python -m pytest tests/chart tests/kubernetes/test_chart.py tests/kubernetes/test_webhook_chart.py $(ARGS)

servers: $(VENV)/.dev ## real STS servers that others wrote judge the exchange (as root; needs Go; the first time takes minutes)
	$(BIN)/python -m tests.other_sts.build
	$(BIN)/python -m pytest tests/other_sts $(ARGS)

format: $(VENV)/.dev ## tidy the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.dev ## write the tables, the PrometheusRule and the dashboard from their sources
	$(BIN)/python -m tools.version
	$(BIN)/python -m tools.tables
	$(BIN)/python -m tools.monitoring
	$(BIN)/python -m tools.policy
	$(BIN)/python -m tools.chart
	$(BIN)/python -m bench.page

monitoring: $(VENV)/.dev ## alerts for your own runbooks and namespaces (RUNBOOKS=https://wiki/irsa NOT_PRODUCTION='test|dev-.+')
	$(BIN)/python -m tools.monitoring $(if $(RUNBOOKS),--runbooks '$(RUNBOOKS)') $(if $(NOT_PRODUCTION),--not-production '$(NOT_PRODUCTION)')

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
LOCK := $(COMPILE) pyproject.toml --no-emit-package irsa-sidecar

lock: $(VENV)/.dev ## choose dependency versions again, with hashes and no addresses (ARGS=--upgrade)
	$(LOCK) $(ARGS) --extra demo --extra inject --group dev -o requirements/dev.txt > /dev/null
	$(LOCK) --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt > /dev/null
	$(LOCK) -c requirements/dev.txt -o requirements/runtime.txt > /dev/null
	$(COMPILE) $(ARGS) --group checkov -o requirements/checkov.txt > /dev/null
	$(COMPILE) $(ARGS) --group zizmor -o requirements/zizmor.txt > /dev/null

clean: ## remove what these targets made
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

# A lock is taken as it is: asked to look for dependencies, pip takes the newest release of one that an extra names.
# `pip check` says what a lock lacks.
define locked
	$(BIN)/pip install --quiet --no-deps --require-hashes -r $<
	@$(if $(COPY),echo "$(VENV) held a copy of the code; installing the checkout itself in its place")
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/pip check >$@.check || { cat $@.check; echo "$(VENV) does not fit together. Try: make clean" >&2; exit 1; }
	@rm $@.check; touch $@
endef

# The demo needs a third of what the tests need: its own list keeps the first minute short.
$(VENV)/.demo: requirements/demo.txt pyproject.toml $(ANOTHER) $(if $(COPY),copy-of-the-code) | $(VENV)/bin/pip
	$(locked)

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(ANOTHER) $(if $(COPY),copy-of-the-code) | $(VENV)/bin/pip
	$(locked)

$(VENV)/bin/pip: $(ANOTHER)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "irsa-sidecar needs Python 3.11 or newer; $(PYTHON) is older or missing. Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install -y python3-venv" >&2; exit 1; }
	@$(if $(ANOTHER),echo "$(VENV) was made with another Python; making it anew with $(PYTHON)")
	$(PYTHON) -m venv $(if $(ANOTHER),--clear) $(VENV)
