# Everything a developer or an operator runs. Each target sets up what it needs first (scripts/setup.sh).
.PHONY: demo test run bench format check build setup-tests setup clean

BIN = .build/debug
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

demo: build
	$(SUDO) $(BIN)/rookery demo

run: build
	$(SUDO) $(BIN)/rookery base make
	$(SUDO) $(BIN)/rookery up

test: setup-tests check
	swift build --build-tests
	$(SUDO) $(BIN)/rookery base make
	$(SUDO) swift test --skip-build

bench:
	scripts/setup.sh bench
	swift build -c release
	$(SUDO) .build/release/rookery base make
	$(SUDO) .build/release/rookery-benchmarks

check:
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

format:
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

build: setup
	swift build --product rookery
	swift build --product rookery-runner

setup:
	scripts/setup.sh

setup-tests:
	scripts/setup.sh tests
