# Everything a developer or an admin runs; `make help` lists it. Each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL = help
.PHONY: help demo check test lint lock coverage soak bench bench-score browser conformance docs image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## sandbox CRMs, one whole night against them, and report.html
	$(BIN)/assay demo

test: $(READY) ## all tests, on SQLite, a real PostgreSQL and real HTTP
	$(BIN)/pytest -n 2 --dist worksteal

check: $(READY) ## the minute before a commit: lint of what changed, unit tests of its rooms
	$(BIN)/python tests/changed.py

lint: $(READY) ## ruff, mypy strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

coverage: $(READY) ## every line and branch of the score, by its own tests
	$(BIN)/pytest -n 2 tests/test_scoring*.py --cov=scoring --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

# The write path's model in thousands of steps, kill -9 at every step of every way, and whatever else `make test` takes a
# sample of (docs/testing.md).
soak: $(READY) ## what takes long, in full: an hour
	ASSAY_SOAK=100 $(BIN)/pytest -n 2 --dist worksteal -s --timeout 7200 -m "soak or sampled"

bench: $(READY) ## how fast it pulls and writes
	$(BIN)/pip install -q -r bench/requirements.txt
	$(BIN)/python bench/pull.py
	$(BIN)/python bench/publish.py

# Judges the recorded worlds and renews docs/benchmark.md; hours of CPU.
bench-score: $(READY) ## the open benchmark of the score; hours
	$(BIN)/python bench/score.py --write --jobs 2

# Foreign clients judge the sandbox; installs them from the package registries (npm must be on the machine).
conformance: $(READY) ## foreign clients judge the sandbox (needs npm)
	$(BIN)/python conformance/run.py

# The pages in a real Chromium, judged by axe-core; the JSON API judged by schemathesis. Installs Debian's chromium where
# there is none (as root; else: apt-get install chromium). Leaves its pictures in shots/.
browser: $(READY) ## the pages in a real browser, the API by a foreign judge
	command -v chromium >/dev/null || apt-get install -y --no-install-recommends chromium fonts-liberation
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.txt
	$(BIN)/pytest tests/browser -n 0 -p no:randomly

# Hashes, and no download addresses: whoever installs chooses the registry.
lock: $(READY) ## renew the hashed requirements
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  pyproject.toml --group dev -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  --group build -o requirements-build.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-strip-extras \
	  pyproject.toml --group dev --group browser -c requirements-dev.txt -o requirements-browser.txt

# The pages of docs/ that are made from the code; a test tells when they are old.
docs: $(READY) ## renew the pages that are made from the code
	$(BIN)/python -m assay.doc_pages.configuration > docs/configuration.md
	$(BIN)/python -m assay.doc_pages.commands > docs/commands.md
	$(BIN)/python -m assay.doc_pages.admin_review docs/admin-review.md

image: ARGS = --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' assay/__init__.py) \
  --build-arg REVISION=$$(git rev-parse HEAD) -t assay:dev .
image: ## the container image
	docker build $(ARGS) || buildah bud --format docker $(ARGS)

$(READY): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Assay needs Python 3.11 or newer, this is " + sys.version.split()[0] + ". Fix: make PYTHON=python3.13" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

clean: ## remove what the other targets made
	rm -rf $(VENV) .conformance demo report.html
