# Two commands do all set-up:  make demo  and  make test
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JARS   := .toolchain/.fetched

.PHONY: demo test check format bench docs apk apk-check ios-app ios-check clean

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "chirpbench needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)  ## run the smoke suite on the virtual bench and print the table
	$(BIN)/chirpbench run --virtual --suite smoke

test: $(STAMP)  ## all tests; parts whose system component is absent say so and skip
	$(BIN)/python -m pytest -q $(PYTEST_ARGS)

check: $(STAMP)  ## format, lint, types, import direction, generated docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/cli_docs.py --check
	$(BIN)/python tools/fleet_docs.py --check
	$(BIN)/python tools/catalogue_docs.py --check
	$(BIN)/python tools/export_docs.py --check
	$(BIN)/python tools/recommend_docs.py --check
	$(BIN)/python -m tools.ios_check

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP)  ## the accuracy and speed table of docs/method.md (about 15 min)
	$(BIN)/python tests/bench/run.py $(BENCH_ARGS)

$(JARS): $(STAMP) tools/apk/lock.json $(wildcard tools/apk/maven/*.xml tools/apk/maven/*/*.xml)
	$(BIN)/python tools/apk/fetch.py
	@touch $@

apk: $(STAMP)  ## build device_probes/android/assets/probe.apk (docs/apk.md says what it needs)
	$(BIN)/python -m tools.apk.build

apk-check: $(JARS)  ## every gate on the APK, two rebuilds included
	$(BIN)/python -m tools.apk.check

ios-app: $(STAMP)  ## on a Mac: build the iOS probe; TEAM=your team id (docs/ios.md); elsewhere: say what it needs
	$(BIN)/python -m tools.ios_app $(TEAM)

ios-check: $(STAMP)  ## what Linux can check of the iOS probe: project, plist, constants, sizes, syntax
	$(BIN)/python -m tools.ios_check

docs: $(STAMP)  ## regenerate docs/cli.md, docs/tests, docs/exports.md, the profile schema and the table of docs/virtual.md
	$(BIN)/python tools/cli_docs.py
	$(BIN)/python tools/fleet_docs.py
	$(BIN)/python tools/catalogue_docs.py
	$(BIN)/python tools/export_docs.py
	$(BIN)/python tools/recommend_docs.py

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
