# Everything that a developer or an operator runs. Each target sets up what it needs first: scripts/setup.sh.
.PHONY: demo run test faults bench format check build setup clean

# make demo KEEP=1 leaves it running; make demo ARGS='--prompt "…"' asks for something else.
demo: build
	@scripts/demo.sh $(if $(KEEP),--keep) $(ARGS)

# The server, in the foreground, with its data in /var/lib/rookery.
run: build
	@. scripts/env.sh && root .build/debug/rookery base make && root .build/debug/rookery up $(ARGS)

test:
	@scripts/setup.sh tests
	@scripts/check.sh
	@scripts/test.sh $(ARGS)

# The long form of the fault suite: make faults ARGS="--kills 1000 --seed 7". See docs/faults.md.
faults: build
	@scripts/setup.sh tests
	@. scripts/env.sh && swift build --product rookery-faults
	@. scripts/env.sh && root .build/debug/rookery base make && root .build/debug/rookery-faults $(ARGS)

bench:
	@scripts/setup.sh bench
	@scripts/build.sh release
	@. scripts/env.sh && swift build --configuration release --product rookery-benchmarks && swift build --configuration release --product rookery-load
	@. scripts/env.sh && root .build/release/rookery base make && root .build/release/rookery-benchmarks $(ARGS)

check:
	@scripts/setup.sh tests
	@scripts/check.sh

format: setup
	@. scripts/env.sh && swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

build: setup
	@scripts/build.sh

setup:
	@scripts/setup.sh

clean:
	rm -rf .build

SHELL = /bin/bash
