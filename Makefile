# Two commands do all set-up:  make demo  and  make test
PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 3
BIN    := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q
STAMP  := $(VENV)/.installed
JARS   := .toolchain/.fetched
SWIFT  := .toolchain/swift/.fetched

.PHONY: demo test check format bench docs apk apk-check ios-app ios-check ios-swift clean

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "chirpbench needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)  ## run the smoke suite on the virtual bench and print the table
	$(BIN)/chirpbench run --virtual --suite smoke

test: $(STAMP)  ## all tests; parts whose system component is absent say so and skip
	@beside=0; alone=0; \
	echo "-- $(JOBS) files at a time"; \
	$(PYTEST) -n $(JOBS) --dist loadfile --no-loadscope-reorder --alone=never $(PYTEST_ARGS) || beside=$$?; \
	echo "-- one by one: the tests that need the machine for themselves"; \
	$(PYTEST) --alone=only $(PYTEST_ARGS) || alone=$$?; \
	case "$$beside $$alone" in "0 0"|"0 5"|"5 0") ;; *) exit 1;; esac  # 5: none of this kind

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

ios-app: $(STAMP)  ## on a Mac: build the iOS probe; TEAM=your team id, BUNDLE=a bundle id of your own (docs/ios.md); elsewhere: say what it needs
	$(BIN)/python -m tools.ios_app "$(TEAM)" "$(BUNDLE)"

ios-check: $(STAMP)  ## what Linux can check of the iOS probe: project, plist, constants, sizes, syntax
	$(BIN)/python -m tools.ios_check

$(SWIFT): | $(STAMP)
	$(BIN)/python -m tools.swift.toolchain

ios-swift: $(SWIFT)  ## compile the iOS probe's Swift on Debian, against fakes of Apple's frameworks (540 MB the first time)
	$(BIN)/python -m tools.swift.app

docs: $(STAMP)  ## regenerate docs/cli.md, docs/tests, docs/exports.md, the profile schema and the table of docs/virtual.md
	$(BIN)/python tools/cli_docs.py
	$(BIN)/python tools/fleet_docs.py
	$(BIN)/python tools/catalogue_docs.py
	$(BIN)/python tools/export_docs.py
	$(BIN)/python tools/recommend_docs.py

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache
