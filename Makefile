# The two commands a newcomer needs: `make demo` and `make test`. Both set up what they need, in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check setup clean

demo: setup  ## make a small world, train with and without debiasing, write demo/report.html
	$(BIN)/sceneproof demo --out demo

test: setup  ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile

check: setup  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sceneproof needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing sceneproof and PyTorch (several GB on Linux) into $(VENV)"
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $(READY)

clean:
	rm -rf $(VENV)
