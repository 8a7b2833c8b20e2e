# Everything from a fresh clone: only Python >= 3.11 and make are needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# OpenMP threads that spin while they wait make torch up to 50 times slower where cores are shared; those that sleep at
# once, a tenth slower where they are not.
export OMP_WAIT_POLICY = passive
export GOMP_SPINCOUNT = 5000

.PHONY: demo test lint bench docs clean

demo: $(VENV)/demo.stamp  ## simulate, train, find the five phases, write and open the report
	$(BIN)/zeeman analyze ising --out runs/ising --open

test: $(VENV)/test.stamp  ## style, floors, types, tests
	PYTHON=$(BIN)/python sh tests/run.sh

lint: $(VENV)/test.stamp
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

bench: $(VENV)/test.stamp
	$(BIN)/python benchmarks/spins.py
	$(BIN)/python benchmarks/training.py

docs: $(VENV)/docs.stamp  ## the pages, with executed cells and warnings as errors: docs/_build/html/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	touch $@

$(VENV)/test.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	touch $@

$(VENV)/docs.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) runs docs/_build .pytest_cache .ruff_cache .mypy_cache
