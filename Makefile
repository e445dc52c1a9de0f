# `make` on a bare machine with Python 3.11: environment, then every system, table and figure at the quick preset.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# The environment is remade when the lock or the package's metadata change, and only then.
STAMP := $(VENV)/installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: all env test test-long lint axe docs lock clean prove
all: $(STAMP)
	$(BIN)/snakemake --cores all all

env: $(STAMP)

$(STAMP):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	rm -f $(VENV)/installed-*
	touch $@

test: $(STAMP)
	$(BIN)/python -m pytest -m "not long and not gpu" -n 2 --dist loadfile

test-long: $(STAMP)
	$(BIN)/python -m pytest -m "long or gpu"

# axe-core, by which the test of the page judges accessibility: npm brings it, git does not keep it.
AXE := axe-core-4.14.1
axe: build/axe.min.js

build/axe.min.js:
	mkdir -p build
	cd build && npm pack --silent $(subst core-,core@,$(AXE)) > /dev/null && tar -xzOf $(AXE).tgz package/axe.min.js > axe.tmp
	mv build/axe.tmp $@

lint: $(STAMP)
	$(BIN)/python -m pytest tests/test_habits.py

# The documentation site, in site/: strict, so that a broken link or an unknown name fails.
docs: $(STAMP)
	$(BIN)/python -c 'import mkdocs' 2> /dev/null || $(BIN)/python -m pip install --quiet -r docs/requirements.txt
	$(BIN)/python -m mkdocs build --strict

# Train runs behind a claim again, picked at random, and compare them with their records.
CLAIM ?= C4
BUDGET ?= 30m
PRESET ?= desk
prove: $(STAMP)
	$(BIN)/idgan-sc prove --claim $(CLAIM) --budget $(BUDGET) --preset $(PRESET)

# After changing a version in the environment by hand: write down what is installed, CUDA parts for Linux only.
lock:
	$(BIN)/python -m pip freeze --exclude-editable --all | grep -v '^pip==' \
	| sed -E '/^(nvidia-|cuda-|triton)/s/$$/ ; sys_platform == "linux" and platform_machine == "x86_64"/' > requirements.lock

clean:
	rm -rf $(VENV) .snakemake results/test results/quick
