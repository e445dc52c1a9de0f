# `make` on a bare machine with Python: environment, then every system, table and figure at the quick preset.
# The first of these that is there and is 3.11 or newer; the published runs were made on 3.11.
PYTHON ?= python3.11 python3.12 python3.13 python3.14 python3
VENV := .venv
BIN := $(VENV)/bin
# The environment is remade when the lock or the package's metadata change, and only then.
STAMP := $(VENV)/installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: all env test test-long lint axe docs dist image lock clean prove
all: $(STAMP)
	$(BIN)/snakemake --cores all all

env: $(STAMP)

$(STAMP):
	@for python in $(PYTHON); do \
	  $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null && exec $$python -m venv $(VENV); \
	done; echo "none of $(PYTHON) is a Python from 3.11 on with venv: install one, or make PYTHON=/path/to/python3" >&2; exit 1
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
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

# The source distribution and, built from it, the wheel: in dist/.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -c 'from setuptools import build_meta; build_meta.build_sdist("dist")' > /dev/null
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz

# The image that `snakemake --software-deployment-method apptainer` runs the rules in.
BUILDER ?= podman
IMAGE := build/idgan-sc.sif
image: $(IMAGE)
$(IMAGE): Containerfile requirements.lock pyproject.toml
	mkdir -p build
	$(BUILDER) build --file Containerfile --tag idgan-sc .
	$(BUILDER) save --output build/idgan-sc.tar idgan-sc
	apptainer build --force $@ docker-archive:build/idgan-sc.tar

# After changing pyproject.toml: requirements.lock, with the hashes of the files for every platform. Versions stay as they
# are, but for those named, as `make lock UPGRADE="numpy scipy"`. The conda environment names the lock that it is made of.
LOCKED := train grids completion workflow slurm dev
CONDA := workflow/envs/idgan_sc.yaml
lock: build/lock/bin/uv
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --python-version 3.11 $(addprefix --extra ,$(LOCKED)) $(addprefix --upgrade-package ,$(UPGRADE)) \
	  --output-file requirements.lock pyproject.toml
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --python-version 3.11 --constraint requirements.lock --output-file docs/requirements.txt docs/requirements.in
	sed -E "s/cksum [0-9]+/cksum $$(cksum < requirements.lock | cut -d' ' -f1)/" $(CONDA) > build/conda && mv build/conda $(CONDA)

build/lock/bin/uv: | $(STAMP)
	$(BIN)/python -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv

clean:
	rm -rf $(VENV) .snakemake results/test results/quick
