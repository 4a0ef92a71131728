# make book    the book on the quick profile -> _build/html/index.html
# make test    lint, tests, the quick book, and that in a browser: what continuous integration
#              runs
# make lint    format, style and the direction of imports
# make bench   ratios of this machine
# make clean   remove what was built, keep .venv
#
# make book PARAMS=params/full.yaml    another profile
# ECG_DATA=/path make book             recordings that are on the disk already

PYTHON ?= python3
PARAMS ?= params/quick.yaml
VENV := .venv
PY := $(VENV)/bin/python

ifndef ECG_DATA
ifneq ($(wildcard ../shared/data/.),)
export ECG_DATA := $(abspath ../shared/data)
endif
endif

# On a few cores, threads that wait for each other cost small networks more than they save
# (tenfold when something else runs); many cores and large networks: OMP_NUM_THREADS=8 make …
export OMP_NUM_THREADS ?= 1

.PHONY: book test lint bench clean

book: $(VENV)/installed
	$(PY) -m ecglib book --params $(PARAMS)

test: lint
	$(PY) -m pytest -n 2 --dist loadfile -rs --ignore tests/test_browser.py
	$(PY) -m ecglib book --params params/quick.yaml
	$(PY) -m pytest tests/test_browser.py

lint: $(VENV)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports

bench: $(VENV)/installed
	$(PY) -m ecglib bench --params $(PARAMS)
	$(PY) -m ecglib bench int8 --params $(PARAMS)

clean:
	rm -rf _build

# The pins need Python 3.11; on 3.10 the lower bounds of requirements.txt have to do.
$(VENV)/installed: pyproject.toml requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "Python 3.10 or newer is needed, $(PYTHON) is older: try make PYTHON=python3.11" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	if $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; \
	  then $(PY) -m pip install --quiet -e ".[dev]" -c constraints.txt; \
	  else $(PY) -m pip install --quiet -e ".[dev]"; fi
	touch $@
