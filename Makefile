# The commands of this project. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test build release format lint generate check-generated simulate planted-faults sanitize interop \
	bench-fanout bench-signaling protocol-examples conformance fuzz-socket chaos screenshot clean

help: ## List the commands
	@echo "Ringback. Commands:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and start a server; flags with ARGS="--listen 0.0.0.0:9000"
	@scripts/run.sh $(ARGS)

test: ## Install what is missing, and run every check and test on SQLite and PostgreSQL
	@scripts/test.sh

build: ## Build everything with debug information, tests included
	@scripts/build.sh debug

release: ## Build the optimized server
	@scripts/build.sh release

format: ## Format the Swift and Python files
	@scripts/format.sh write

lint: ## Check Swift format, shell scripts, the web client (tsc, ESLint), Python (ruff, mypy); one part with ARGS="python"
	@scripts/lint.sh $(ARGS)

generate: ## Generate the Swift and the web client's types of the wire from Sources/Wire/Proto
	@scripts/generate.sh write

check-generated: ## Check that the generated files match Sources/Wire/Proto
	@scripts/generate.sh check

simulate: ## Run random schedules against the owner of calls; SEED=1 COUNT=100000 MINUTES=10 TRACE=yes
	@SEED=$(SEED) COUNT=$(COUNT) MINUTES=$(MINUTES) TRACE=$(TRACE) scripts/simulate.sh

planted-faults: ## Plant faults in a copy of the code, and check that the simulator finds each; some with ARGS="mailbox"
	@scripts/planted-faults.sh $(ARGS)

sanitize: ## Run the tests of the concurrent parts with the thread sanitizer
	@scripts/sanitize.sh

interop: ## Run the tests with browsers and aiortc; some with ARGS="-k crash"
	@scripts/interop.sh $(ARGS)

protocol-examples: build ## Regenerate docs/protocol-examples.md from the frames of a real server
	@.venv/bin/python Tests/Interop/protocol_examples.py

conformance: ## Run the Autobahn test suite against the server's WebSocket
	@scripts/conformance.sh

fuzz-socket: ## Send the server what a hostile client might; MINUTES=10 SEED=1, or REPLAY=file
	@MINUTES=$(MINUTES) SEED=$(SEED) REPLAY=$(REPLAY) scripts/fuzz-socket.sh

chaos: ## Kill the server 200 times under calls, and stop its database; CYCLES, RATE, SEED, PEOPLE, DATABASE
	@scripts/chaos.sh

bench-fanout: ## Measure the cost of one mute in calls of 2 to 1,000 people (release); ARGS="--recipients 100"
	@scripts/bench-fanout.sh $(ARGS)

bench-signaling: ## Measure calls, messages and relays beside the least that calls cost (release); ARGS="--rounds 1"
	@scripts/bench-signaling.sh $(ARGS)

screenshot: ## Take the pictures of docs/images
	@scripts/screenshot.sh

clean: ## Remove all build results; data/ is kept
	rm -rf .build .venv .autobahn test-results
