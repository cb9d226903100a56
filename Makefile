# The commands of this project. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help run test build release format lint generate check-generated simulate planted-faults sanitize interop \
	bench-fanout protocol-examples conformance fuzz-socket chaos screenshot clean

help: ## List the commands
	@echo "Ringback. Commands:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build, and start a server; flags by ARGS="--listen 0.0.0.0:9000"
	@scripts/run.sh $(ARGS)

test: ## Install what is missing, and run every check and test on SQLite and PostgreSQL
	@scripts/test.sh

build: ## Build everything for debugging, tests included
	@scripts/build.sh debug

release: ## Build the server as it is meant to run
	@scripts/build.sh release

format: ## Format the Swift and Python files
	@scripts/format.sh write

lint: ## Check Swift format, shell scripts, the web client (tsc, ESLint), Python (ruff, mypy); one by ARGS="python"
	@scripts/lint.sh $(ARGS)

generate: ## Generate Sources/Wire/Generated and the web client's types of the wire from Sources/Wire/Proto
	@scripts/generate.sh write

check-generated: ## Check that they are what generate makes
	@scripts/generate.sh check

simulate: ## Run random schedules against the call core; SEED=1 COUNT=100000 MINUTES=10 TRACE=yes
	@SEED=$(SEED) COUNT=$(COUNT) MINUTES=$(MINUTES) TRACE=$(TRACE) scripts/simulate.sh

planted-faults: ## Plant faults in a copy of the code, and see that the simulator finds each; ARGS="mailbox"
	@scripts/planted-faults.sh $(ARGS)

sanitize: ## Run the concurrent parts' tests under the thread sanitizer
	@scripts/sanitize.sh

interop: ## Run the tests with browsers and aiortc; pick some by ARGS="-k crash"
	@scripts/interop.sh $(ARGS)

protocol-examples: build ## Write docs/protocol-examples.md anew, from what the server says
	@.venv/bin/python Tests/Interop/protocol_examples.py

conformance: ## Run the Autobahn test suite against the server's WebSocket
	@scripts/conformance.sh

fuzz-socket: ## Send the server what a hostile client might; MINUTES=10 SEED=1, or REPLAY=file
	@MINUTES=$(MINUTES) SEED=$(SEED) REPLAY=$(REPLAY) scripts/fuzz-socket.sh

chaos: ## Kill the server 200 times under calls, and take its database away; CYCLES, RATE, SEED, PEOPLE, DATABASE
	@scripts/chaos.sh

bench-fanout: ## Measure what one mute costs in calls of 2 to 1,000 people (release); ARGS="--recipients 100"
	@scripts/bench-fanout.sh $(ARGS)

screenshot: ## Take the pictures of docs/images
	@scripts/screenshot.sh

clean: ## Remove what was built; data/ stays
	rm -rf .build .venv .autobahn test-results
