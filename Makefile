# `make help` lists the targets. `make run` and `make test` set up a fresh machine first; the second time both are quick.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
APT := espeak-ng libportaudio2 libasound2-plugins libegl1 libgl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
	libxcb-keysyms1 libxcb-shape0 libdbus-1-3
# For the tests: a voice that pocketsphinx understands, Chinese letters, a virtual sound card and screen, accessibility, strace.
APT_TEST := flite fonts-wqy-zenhei pulseaudio pulseaudio-utils xvfb xdotool dbus strace at-spi2-core gir1.2-atspi-2.0 \
	python3-gi procps orca
export OMP_NUM_THREADS ?= 2

# All tests but those of tests/desktop, a file of them at a time on each of two cores.
PYTEST_FAST := $(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/desktop

.PHONY: run test test-fast check hooks bench lock bundle locale system-libraries clean help
run: $(VENV)/.ready ## open the window, or without a display show in the terminal what Hark does (the default)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then $(BIN)/hark-window; else $(BIN)/hark demo; fi

test: $(VENV)/.ready check ## check the style, the types and the imports, and run all tests
	@OMP_NUM_THREADS=1 $(PYTEST_FAST)
ifeq ($(shell uname -s),Linux)
	@$(BIN)/python -m pytest tests/desktop
else
	@echo "tests/desktop was not run: it needs a virtual X11 screen and a PulseAudio server, which only Linux has."
endif

test-fast: $(VENV)/.ready ## run all tests but tests/desktop, while you write
	@OMP_NUM_THREADS=1 $(PYTEST_FAST)

check: $(VENV)/.ready ## check the style (ruff), the types (mypy) and the imports (import-linter)
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/mypy

hooks: $(VENV)/.ready ## let git run these checks before each commit (.pre-commit-config.yaml)
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'pre-commit>=4.7,<5'
	@$(BIN)/pre-commit install

bench: $(VENV)/.ready ## measure the starter kit and the window, and write the figures into docs/
	@$(BIN)/python -m benchmarks

lock: ## resolve requirements.lock anew, for Python 3.11 to 3.13 on Linux, Windows and macOS
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	@$(VENV)/lock/bin/uv pip compile -q --universal --python-version 3.11 --extra dev --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.lock

bundle: $(VENV)/.ready ## make dist/hark, a folder with Python and all packages inside, for the system that this runs on
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'pyinstaller>=6.20'
	@$(BIN)/pyinstaller --noconfirm --log-level WARN resources/packages/hark.spec
	@if [ "$$(uname)" = Linux ]; then $(BIN)/python resources/packages/appdir.py dist/hark; fi
	@du -sh dist/hark

locale: $(VENV)/.ready ## add new sentences to the catalogue, where they are translated, and compile it
	@$(BIN)/pybabel -q extract -k tr -k ntr:1,2 -k tr_noop --no-location --omit-header -o $(VENV)/hark.pot ui assistant
	@$(BIN)/pybabel -q update -N --no-fuzzy-matching --ignore-pot-creation-date -w 118 -i $(VENV)/hark.pot -o resources/locale/zh_CN.po -l zh_CN
	@$(BIN)/pybabel -q compile -i resources/locale/zh_CN.po -o resources/locale/zh_CN.mo -l zh_CN

$(VENV)/.ready: requirements.lock pyproject.toml .ci/system-libraries .ci/install-packages
	@test -n "$(PYTHON)" || { echo "Hark needs Python 3.11, 3.12 or 3.13. Install one, then run this again."; exit 1; }
	@$(MAKE) -s system-libraries
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh .ci/system-libraries python3-venv
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Hark's packages (several gigabytes: this takes some minutes) …"
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python .ci/install-packages requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $@

system-libraries: ## as root on Debian or Ubuntu install the system packages; elsewhere print the command
	@sh .ci/system-libraries $(APT) $(APT_TEST)

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) build dist

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "  make %-17s %s\n", $$1, $$2 }'
