# The two commands a newcomer needs: `make demo` and `make test`. Both set up what they need, in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

OLDEST_TRANSFORMERS = $(shell sed -n 's/^hf = .*transformers>=\([0-9.]*\)".*/\1/p' pyproject.toml)
HUGGING_FACE := tests/backbones/test_hugging_face.py tests/audit/models/test_hugging_face.py \
  tests/labelling/test_hugging_face_detector.py tests/labelling/test_hugging_face_scenes.py

.PHONY: demo test test-transformers check docs setup clean

demo: setup  ## make a small world, train with and without debiasing, write demo/report.html
	$(BIN)/sceneproof demo --out demo

test: setup  ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile

test-transformers: setup  ## run the tests of Hugging Face's models on the oldest and the newest transformers allowed
	for version in "~=$(OLDEST_TRANSFORMERS).0" ">=$(OLDEST_TRANSFORMERS)"; do \
	  rm -rf $(VENV)/transformers && \
	  $(BIN)/python -m pip install --quiet --upgrade --target $(VENV)/transformers "transformers$$version" && \
	  PYTHONPATH=$(CURDIR)/$(VENV)/transformers:$(CURDIR)/src $(BIN)/pytest $(HUGGING_FACE) || exit 1; \
	done

check: setup  ## format, lint, types, and which way imports point
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: setup  ## build/docs: the pages of docs/ and the API from the docstrings; they load nothing from elsewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	! grep -rnE '<(script|link|img|iframe)[^>]* (src|href)="(https?:)?//' --include='*.html' build/docs

setup: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sceneproof needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing sceneproof and PyTorch (several GB on Linux) into $(VENV)"
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[dev]"
	@touch $(READY)

clean:
	rm -rf $(VENV)
