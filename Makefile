# The targets set up .venv by themselves and reinstall only when the requirements changed.
# PYTHON chooses the interpreter: make test PYTHON=python3.12
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDENT := $(VENV)/.installed
DEVELOPER := $(VENV)/.installed-dev
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check

# An environment does not survive that its folder is moved (its programs name the old one) or that
# its Python is upgraded (which looks for the packages, pip too, elsewhere): then it is made anew.
WELL := $(shell grep -qsF "$(CURDIR)/$(VENV)/bin/" $(BIN)/pip && \
  $(BIN)/python -I -c 'import pip' 2>/dev/null && echo yes)
ENVIRONMENT := $(if $(WELL),,environment)

.PHONY: help course lab demo figures exercises site test bench soak read results constraints clean environment

help:
	@echo "make lab      open the lessons in JupyterLab"
	@echo "make demo     draw a digit on a page and watch the network read it"
	@echo "make course   set up, get MNIST, execute the lessons; results in build/lessons"
	@echo "make figures  execute the lessons and write every figure to figures/;"
	@echo "              for print: make figures FORMAT='pdf svg' DPI=600, to build/figures"
	@echo "make exercises  make notebooks/exercises anew from notebooks/solutions"
	@echo "make site     write the course as pages that need no network, to build/site"
	@echo "make test     unit tests, then all lessons"
	@echo "make bench    measure the speed of training and of the playground (minutes)"
	@echo "make read     measure how strangers' pictures are read (minutes)"
	@echo "make soak     run the lessons with other seeds, threads and processors (an hour)"
	@echo "make results  train every network and every study of the kit anew (nine hours of one core)"
	@echo "make constraints   write the newest versions that the requirements allow to constraints.txt"
	@echo "make clean    remove .venv and build; MNIST stays"

course: $(STUDENT)
	$(BIN)/python -m lenet_helpers run

lab: $(STUDENT)
	$(BIN)/python -m jupyter lab --notebook-dir=. notebooks/start.ipynb

demo: $(STUDENT)
	@$(BIN)/python -m lenet_helpers demo

figures: $(STUDENT)
	$(BIN)/python -m lenet_helpers run --figures $(addprefix --format=,$(FORMAT)) $(addprefix --dpi=,$(DPI))

exercises: $(DEVELOPER)
	$(BIN)/python docs/make_exercises.py

site: $(DEVELOPER)
	@$(BIN)/python docs/site/make_site.py

test: $(DEVELOPER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# -n 2: each test keeps one core busy. In the files' order, or the longest two would come last.
	$(BIN)/python -m pytest -m "not lessons" -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/python -m pytest -m "lessons and not all_threads" -n 2
	$(BIN)/python -m pytest -m all_threads

soak: $(DEVELOPER)
	$(BIN)/python tests/benchmarks/soak.py

read: $(DEVELOPER)
	$(BIN)/python tests/benchmarks/bench_reading.py

bench: $(DEVELOPER)
	$(BIN)/python tests/benchmarks/bench_training.py
	$(BIN)/python tests/benchmarks/bench_playground.py

# A network or study that is whole lies in build/results, so make goes on where it was stopped;
# within a study its command does.
RESULTS := build/results
NETWORKS := $(addprefix $(RESULTS)/,$(addsuffix .safetensors,course best characters))
STUDIES := $(addprefix $(RESULTS)/,$(addsuffix .json,bn_dropout learning_rates first_weights \
  lenet_1998 claims techniques best))

results: $(NETWORKS) $(STUDIES)
	cp $(NETWORKS) data/pretrained/
	cp $(STUDIES) data/studies/
	$(BIN)/python docs/renew_results.py
	rm -r $(RESULTS)
	@echo "Now execute and commit the lessons that read these files, and their figures."

$(RESULTS)/%.safetensors: | $(STUDENT)
	OMP_NUM_THREADS=1 $(BIN)/python -m lenet_helpers train $* --seed 0 --weights $@

$(RESULTS)/%.json: | $(STUDENT)
	$(BIN)/python -m lenet_helpers study $* --output $@

.DELETE_ON_ERROR: # a study with a run that failed is not whole

constraints: $(DEVELOPER)
	$(INSTALL) --upgrade --upgrade-strategy eager -r requirements-dev.txt
	@echo "# Exact versions that CI ran (make constraints); what a system does not need is ignored." > $@.new
	$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable | sed 's/+.*//' >> $@.new
	@mv $@.new $@.txt

clean:
	rm -rf $(VENV) build

environment:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The course needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@[ ! -e $(VENV) ] || echo "$(VENV) was moved, or its Python upgraded: it is made anew."
	@rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(STUDENT): requirements.txt constraints.txt pyproject.toml setup.py $(ENVIRONMENT)
	@echo "Setting up $(VENV): the first time this downloads up to 3 GB and takes some minutes."
	$(INSTALL) -c constraints.txt -r requirements.txt
	@touch $@

$(DEVELOPER): requirements-dev.txt requirements-cluster.txt requirements-class.txt $(STUDENT)
	$(INSTALL) -c constraints.txt -r requirements-dev.txt
	@touch $@
