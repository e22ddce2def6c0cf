# `make demo` and `make test` each do everything on a fresh machine; no environment has to be active. `make slow` has the
# tests that take more than a few seconds, and the benchmarks; CI runs both.
#   VENV=path     the environment, made if it isn't there   (default .venv)
#   PYTHON=path   the Python that makes it                  (default python3)
#   OUT=path      where the demo's results go               (default runs)
VENV ?= .venv
PYTHON ?= python3
OUT ?= runs
BIN := $(VENV)/bin

.PHONY: demo test slow lint types tests docs check audit fuzz install format clean
.DEFAULT_GOAL := demo

install: $(VENV)/.installed

# torch first and pinned, so that a build that is already at hand is taken and no other one is pulled in after it
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $$(sed -n 's/^torch==/torch==/p' constraints.txt)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/bench run --task ctr --baseline references,transearch --encoder lstm,muvcog-m --dataset beauty --out $(OUT)

test: lint types tests docs check

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 10 --durations-min 1

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini tests
	$(BIN)/mypy .ci/audit.py

tests: install
	$(PYTEST) -m "not slow" --ignore tests/benchmarks

slow: install
	$(PYTEST) -m slow --ignore tests/benchmarks
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/benchmarks

# the site, into build/site; a warning is an error
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# the committed tables of a tiny grid; after a change that is meant to move them: bench check --update
check: install
	$(BIN)/bench check

# known vulnerabilities of the pinned versions; not in `make test`, since what is known changes without any commit
audit: install
	$(BIN)/python .ci/audit.py

# damaged files for every reader: make fuzz ARGS="1000 ubi"
fuzz: install
	PYTHONPATH=.:tests/fuzz:tests/bench/data:tests/bench/datasets $(BIN)/python tests/fuzz/readers.py $(ARGS)

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
