# Everything that is done every day. Each target is a plain command or two, told in README.md.

PYTHON ?= python3
# The pinned versions; `make test CONSTRAINTS=` installs the newest ones instead.
CONSTRAINTS ?= constraints.txt
# `make lab CPU=1` takes torch from PyTorch's own index of builds without CUDA, which nothing else asks.
CPU ?=
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
# Passed on to what a target runs: make lab ARGS="--no-browser --port 9999", make unit ARGS="-k fit".
ARGS ?=
# Tests run in as many processes as there are cores.
WORKERS ?= logical
BENCH ?= training

RUN := .venv/bin/python -m
# in the order of tests/conftest.py and of the plugin for lectures, which begin with what takes long
PYTEST = $(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 10 $(ARGS)
# Where students' code cannot be run in a sandbox, the tests of grading are left out: a tenth of all.
SANDBOX = $(shell bwrap --unshare-all --unshare-user --disable-userns --ro-bind / / true 2>/dev/null && echo yes)
COVERAGE = $(if $(SANDBOX),--cov --cov-report term --cov-fail-under 95)
LECTURES := -p tests.notebooks.lectures --nbval lectures

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help lab test unit notebooks noavx browser decks pdf zip handout update site homework references images bench dev lint format clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
	$(CPU_HINT)

lab: .venv/.lab ## open the lectures in JupyterLab, ready to present
	.venv/bin/nnkit lab $(ARGS)

decks: .venv/.decks ## write every part as offline slides into build/decks
	.venv/bin/nnkit decks $(ARGS)

pdf: .venv/.decks ## print the slides of every part into build/pdf, by a Chromium or Chrome that is there
	.venv/bin/nnkit pdf $(ARGS)

zip: .venv/.decks ## write every part as a notebook with its outputs into build/notebooks.zip
	.venv/bin/nnkit notebooks $(ARGS)

handout: .venv/.decks ## print two slides a page, to write on, into build/handouts: ARGS=--blanks, ARGS=--notes
	.venv/bin/nnkit handout $(ARGS)

update: .venv/.lab ## get the newest lectures, merged with your own changes
	.venv/bin/nnkit update

site: .venv/.site ## write the course as pages to read, with slides and notebooks, into build/site
	.venv/bin/nnkit site $(ARGS)

homework: .venv/.homework ## release, grade, … homework: make homework ARGS="release 18"
	.venv/bin/nnkit homework $(ARGS)

test: unit notebooks browser ## run all tests: the three that follow

unit: .venv/.test ## test the library; its coverage must reach 95 %
	$(PYTEST) tests --ignore tests/notebooks --ignore tests/browser $(if $(ARGS),,$(COVERAGE))

notebooks: .venv/.test ## run every cell of every lecture, the network cut off, and check what it shows
	$(RUN) tests.notebooks.offline $(PYTEST) $(LECTURES) tests/notebooks

noavx: .venv/.test ## run the three parts that train most as on a processor without AVX
	ATEN_CPU_CAPABILITY=default DNNL_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE \
		$(PYTEST) $(LECTURES) -m trains

browser: .venv/.test ## write the site with its decks, test them and JupyterLab in Chromium
	$(if $(ARGS),,-.venv/bin/nnkit site)
	$(if $(ARGS),,SITE=build/site DECKS=build/site/decks )$(PYTEST) tests/browser

references: .venv/.test ## store anew what the lectures print; then read the diff
	$(PYTEST) $(LECTURES) --rebuild-references
	git status --short -- tests/notebooks/references
	git diff --stat -- tests/notebooks/references

images: .venv/.lab ## draw the pictures in img anew
	$(RUN) nnkit.course.readme_pictures

bench: .venv/.bench ## compare the training loop with others; BENCH names another benchmark
	$(RUN) tests.benchmarks.$(BENCH) $(ARGS)

dev: .venv/.dev ## make the environment for working on the course
	.venv/bin/pre-commit install

lint: .venv/.dev ## check style and types
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

format: .venv/.dev ## mend style where that is mechanical
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

clean: ## remove what was made here, but not the environment in .venv
	rm -rf build *.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find lectures nnkit tests -name __pycache__ -prune -exec rm -rf {} +
	find lectures -name .ipynb_checkpoints -prune -exec rm -rf {} +

unit notebooks noavx browser references: export OMP_NUM_THREADS = 1

# The environment. A stamp per extra says what is installed; [dev] holds [test], which holds [decks]…
PIP = $(RUN) pip install $(if $(CONSTRAINTS),-c $(CONSTRAINTS))
.venv/.%: pyproject.toml $(CONSTRAINTS) | .venv/bin/python
	$(CPU_HINT)
	$(if $(filter 1,$(CPU)),$(PIP) --no-deps --index-url $(CPU_INDEX) torch $(CPU_$*))
	$(PIP) -e ".[$*]"
	@touch $(addprefix .venv/.,$(HOLDS_$*)) $@

CPU_bench := torchvision
HOLDS_decks := lab
HOLDS_homework := lab
HOLDS_site := lab decks homework
HOLDS_test := lab decks site homework
HOLDS_dev := lab decks site homework test
HOLDS_bench := lab decks site homework test

# On Linux the torch of the usual index brings CUDA, also where nothing can use it.
SYSTEM = $(shell uname -s)
NVIDIA = $(wildcard /proc/driver/nvidia)$(shell command -v nvidia-smi 2>/dev/null)
TORCH = $(wildcard .venv/lib/python3*/site-packages/torch)
CPU_HINT = $(if $(filter Linux,$(SYSTEM)),$(if $(NVIDIA)$(TORCH)$(filter 1,$(CPU)),,@echo \
	"No NVIDIA driver here: add CPU=1, as in 'make lab CPU=1', and save three gigabytes of CUDA."))

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	"Python 3.11 or later is needed, and '$(PYTHON)' is older or not there." \
	"Name another one, as in: make lab PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo \
	"'$(PYTHON)' comes without venv. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
