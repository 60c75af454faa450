# The two commands: `make paper` and `make test`. Each installs what it needs on first use.
#   make paper ARGS="--symbols BTC,ETH --speed 10"

PYTHON ?= python3
ARGS ?=
SELECT ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
BASE := $(VENV)/.installed-base
DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.PHONY: paper test test-all coverage lint bench clean

paper: $(BASE)
	@$(BIN)/aster paper $(ARGS)

# WORKERS=0 runs them in one process, as a debugger wants it.
test: $(DEV)
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(ARGS)

# SELECT narrows it: `make test-all SELECT="-m slow"` is what `make test` leaves out.
test-all: $(DEV)
	$(BIN)/python -m pytest $(SELECT) $(ARGS)
	$(MAKE) coverage

# Compiled code cannot be traced: the kernels are measured interpreted, all the rest compiled. CI=true
# fixes the examples of the property tests, so that the figure is the same every time.
COVER = CI=true $(BIN)/python -m coverage run -m pytest -q -p no:cacheprovider
INTERPRETED := tests/aster_ray/kernel tests/aster_ray/features tests/aster_ray/strategies/test_conditions.py

coverage: $(DEV)
	$(BIN)/python -m coverage erase
	NUMBA_DISABLE_JIT=1 $(COVER) -m "not compiled" $(INTERPRETED)
	$(COVER) -m "not slow" tests/aster_ray
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m tests.branch_coverage

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf $(VENV) build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	find actors aster_ray serve tests tune -type d -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "error: Python 3.11, 3.12 or 3.13 is needed; name one, e.g. make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "error: $(PYTHON) cannot make a virtual environment (on Debian: apt-get install python3-venv)" >&2; exit 2; }

# Python compiles what is imported when it is; to compile all that is there took 40 s of 94.
# Not so for the tests: their many processes would each do it at once, in the first minutes.
$(BASE): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing aster-ray into $(VENV) (first use: one to three minutes)"
	@$(PIP) --no-compile -e .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing aster-ray and its tests into $(VENV) (first use: a few minutes)"
	@$(PIP) -e ".[dev]"
	@touch $(BASE) $@
