# `make` alone prints the targets. The help of a target is the text after "##" in its line.
TOOL := go tool -modfile=tools/generate/go.mod
LINT := go tool -modfile="$(CURDIR)/tools/lint/go.mod"
# A folder in services/ is a service.
SERVICES := $(notdir $(patsubst %/,%,$(wildcard services/*/)))
# Options for the program of a target, as in: make demo ARGS="--data-dir ./data"
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Run

# exec: Ctrl-C and SIGTERM reach the demo itself. No process in between can end first and leave it running.
.PHONY: demo
demo: ## both services, PostgreSQL and a broker in one process; options in ARGS
	@mkdir -p bin && CGO_ENABLED=0 go build -o bin/demo ./cmd/demo && exec bin/demo $(ARGS)

.PHONY: build
build: ## all binaries into bin/, without cgo
	@mkdir -p bin && CGO_ENABLED=0 go build -o bin/ $(addprefix ./cmd/,$(SERVICES)) ./cmd/demo

# VERSION and REVISION become labels of the images. The tag is the one that docker-compose.yml uses.
.PHONY: images
images: ## the container images of all services, with the tags that docker-compose.yml uses; needs Docker
	@for s in $(SERVICES); do \
		docker build --target $$s --tag monsplit/$$s:dev --build-arg REVISION="$$(git rev-parse HEAD)" \
			--build-arg VERSION="$$(git describe --tags --always --dirty)" . || exit 1; \
	done

##### Prove

# One PostgreSQL for all tests of a run: the machine's own, or a downloaded one.
WITH_POSTGRES := go run ./internal/testkit/cmd/withpostgres --

# A program with the race detector sleeps before it exits, so that goroutines that still run can report a race. The default
# is 1 s. A test run has about 100 of these exits: one for each package, and one for each command that a test runs.
export GORACE ?= atexit_sleep_ms=100

# Flags of every test run. go vet would examine every dependency, and make lint runs the same checks. Without symbols, linking takes
# two thirds of the time.
TEST_FLAGS := -vet=off -ldflags=-s

# These packages run without the race detector, with which they would take some times as long: two that read files and have nothing
# that runs at the same time, and the end-to-end tests.
WITHOUT_RACE := /internal/archtest$$|/tools/newservice$$|/internal/e2e$$

# The end-to-end tests in which the most happens at the same time. They run with the race detector.
RACES := ^Test(KafkaAway|KilledInTheMiddle|APausedRelay.*|TwoInstances.*|ReadYourWrites|AStop.*|ImportInterrupted|OperationsPaused|RandomWrites.*|LegacyWrites(WithTwoInstances|OfOneEntryAtOnce))$$

# The test that the target names is a model without goroutines. Its file is not compiled with the race detector. awk prints what go
# test prints, and fails when no test has run.
# -count=1 for the modules below: their tests read files outside their module, which Go's test cache does not watch.
.PHONY: test
test: ## everything a change must pass, except for the targets below; mostly with the race detector
	@$(WITH_POSTGRES) go test -race $(TEST_FLAGS) $(ARGS) $$(go list ./... | grep -Ev '$(WITHOUT_RACE)')
	@$(WITH_POSTGRES) go test -race $(TEST_FLAGS) -run '$(RACES)' $(ARGS) ./internal/e2e
	@$(WITH_POSTGRES) go test $(TEST_FLAGS) -skip '$(RACES)' $(ARGS) $$(go list ./... | grep -E '$(WITHOUT_RACE)')
	@go test $(TEST_FLAGS) -run '^TestShardsGoToInstancesThatKafkaAnswers$$' ./internal/messaging/outbox | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'
	@cd deploy && go test $(TEST_FLAGS) -count=1 ./...
	@cd tools/generate && go test $(TEST_FLAGS) -count=1 ./...
	@cd tools/contractcheck && go test $(TEST_FLAGS) -count=1 ./...

.PHONY: test-races
test-races: ## all end-to-end tests with the race detector; make test runs only some of them with it
	@$(WITH_POSTGRES) go test -race $(TEST_FLAGS) $(ARGS) ./internal/e2e

# Without internal/pgserver, whose tests start and kill a server each. -short leaves out a test that runs whole commands.
.PHONY: test-short
test-short: ## the quick tests, before a commit: no race detector, nothing end to end
	@$(WITH_POSTGRES) go test -short $(TEST_FLAGS) $(ARGS) $$(go list ./... | grep -v -e /internal/e2e -e /internal/pgserver)

.PHONY: test-pgbouncer
test-pgbouncer: ## the services behind a real PgBouncer in transaction mode; needs PgBouncer
	@$(WITH_POSTGRES) go test $(TEST_FLAGS) -count=1 -tags=pgbouncer -run '^TestPgBouncer' $(ARGS) ./internal/e2e | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'

# Without the race detector: make test has run the same code with it, and here only Kafka is another one. The tests mostly wait, so more
# of them than there are CPUs run at a time. Kafka runs for a few minutes. In that time, optimizing its code would cost more than the
# faster code saves.
.PHONY: test-kafka
test-kafka: export JAVA_TOOL_OPTIONS ?= -XX:TieredStopAtLevel=1
test-kafka: ## the tests of broker, relay and consumer, and end to end what depends on Kafka, on a real Apache Kafka
	@$(WITH_POSTGRES) go run ./internal/testkit/cmd/realkafka -- go test $(TEST_FLAGS) -count=1 -tags=realkafka -parallel=4 $(ARGS) ./internal/messaging/broker/... ./internal/messaging/outbox/... ./internal/messaging/consumer/... ./internal/e2e/...

# -count=1: the test reads files that are not part of the key of its cached result.
.PHONY: test-newservice
test-newservice: ## add services to a copy of the repository with tools/newservice: they build, and their tests pass
	@$(WITH_POSTGRES) go test $(TEST_FLAGS) -count=1 -tags=scaffold -run '^TestANewServicePassesItsTests$$' $(ARGS) ./tools/newservice

# awk prints what go test prints, and fails when no test has run.
.PHONY: test-gateway
test-gateway: ## the gateway: a real nginx in front of fake and real services; needs nginx 1.22 or newer
	@$(WITH_POSTGRES) go test -C deploy $(TEST_FLAGS) -count=1 -tags=gateway -run '^TestGateway' $(ARGS) ./gateway | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'

# -p=1 runs one package at a time, because both need the same images.
.PHONY: test-compose
test-compose: ## docker-compose.yml on a real Docker Engine; with stand-ins for images that cannot be pulled
	@go test -C deploy $(TEST_FLAGS) -count=1 -p=1 -timeout=30m -tags=compose -v $(ARGS) ./standins ./compose | \
		awk '!/^=== / { print; fflush() } /^ok/ && !/no tests to run/ { passed++ } END { exit passed != 2 }'

# Screenshots go into bin/screenshots.
.PHONY: test-browser
test-browser: node ## the services' pages in a headless Chromium, which must be on the PATH; needs Node
	@cd tools/browser && npm ci --silent && go test $(TEST_FLAGS) -count=1 $(ARGS) ./...

.PHONY: documents
documents: node ## lint the OpenAPI and AsyncAPI documents; needs Node
	@cd tools/documents && npm ci --silent && npm run --silent lint

PACT := go run ./internal/testkit/cmd/pact

# The linker flags of pact-go name /tmp, and Go 1.26.11 reads each library in a folder of those flags if the folder is for temporary
# files. In /tmp that can be half a library, which another build is writing. So these targets have temporary files elsewhere.
pact pact-update contracts-mutate lint: export TMPDIR ?= /var/tmp

.PHONY: pact
pact: ## contracts: what each consumer expects, and whether the provider does it
	@$(WITH_POSTGRES) $(PACT) check

.PHONY: pact-update
pact-update: ## rewrite contracts/pacts, after a deliberate change of what a consumer expects
	@$(WITH_POSTGRES) $(PACT) update

.PHONY: pact-library
pact-library: ## download the native library that tests with the tag pact need
	@$(PACT) library

# A git ref. The default is the merge base with main, and on main the previous commit.
BASE :=

.PHONY: contracts-check
contracts-check: ## contracts: which changes since the git ref BASE break which consumer
	@go run -C tools/contractcheck . -base "$(BASE)"

.PHONY: commits-check
commits-check: ## the subjects of the commits since the git ref BASE have the form that CONTRIBUTING.md asks for
	@.ci/check-commits "$(BASE)"

.PHONY: contracts-mutate
contracts-mutate: ## break contracts in a scratch copy, in many ways: the named check must refuse each
	@$(PACT) library && $(WITH_POSTGRES) go run ./internal/testkit/cmd/contractmutants $(ARGS)

.PHONY: test-mutants
test-mutants: ## remove each central mechanism from a scratch copy: its test must fail; as in ARGS="-only NAME -times 10"
	@$(WITH_POSTGRES) go run ./internal/testkit/cmd/mutants $(ARGS)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (10s) each
	@for p in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | cut -d' ' -f2); do \
			echo "$$p $$f" && go test -run='^$$' -fuzz="^$$f\$$" -fuzztime=$(or $(FUZZTIME),10s) $$p || exit 1; \
		done; \
	done

.PHONY: bench
bench: ## a table of costs, each next to its lower bound
	@go run ./cmd/bench $(ARGS)

.PHONY: stress
stress: ## attacks on a service, beside clients that read and create: what these notice; options in ARGS; needs Linux
	@go run ./internal/testkit/cmd/stress $(ARGS)

.PHONY: stress-short
stress-short: ## the same with fewer rows, fewer and shorter attacks, on both services, in at most 2 minutes
	@go run ./internal/testkit/cmd/stress --short $(ARGS)

# Each module has its own dependencies. The rules of lint are the same for all.
MODULES := . deploy tools/generate tools/contractcheck tools/browser

# govulncheck needs its online database. If that cannot be reached, lint says so and continues.
.PHONY: lint
lint: ## golangci-lint in all modules and on the code of a new service, and govulncheck if its database can be reached
	@for m in $(MODULES); do (cd $$m && $(LINT) golangci-lint run ./...) || exit 1; done
	@go test $(TEST_FLAGS) -count=1 -tags=scaffold -run '^TestANewServiceIsClean$$' ./tools/newservice
	@skipped=; for m in $(MODULES); do out=$$(cd $$m && $(LINT) govulncheck ./... 2>&1) || case "$$out" in \
		*"fetching vulnerabilities"*) skipped=yes ;; \
		*) echo "$$out"; exit 1 ;; esac; done; \
	if [ "$$skipped" ]; then echo "lint: no findings, but KNOWN VULNERABILITIES WERE NOT CHECKED: govulncheck cannot reach its database"; \
	else echo "lint: no findings, and no known vulnerabilities"; fi

##### Clients in TypeScript

.PHONY: node
node:
	@command -v npm >/dev/null || { echo "this needs Node.js 20.19 or newer with npm: https://nodejs.org/en/download"; exit 1; }

.PHONY: clients
clients: node ## the TypeScript client: check generated types, build, test, pack, and use the package in another project
	@cd api/client/ts && npm ci && npm run generate:check && npm test && \
	rm -f build/*.tgz && npm pack --ignore-scripts=false --silent --pack-destination build && npm run test:package

# awk prints what go test prints, and fails when no test has run.
.PHONY: examples
examples: clients ## the examples and the TypeScript client against a running demo
	@cd examples/storefront && npm ci && npm run build && npm test
	@go test -count=1 -tags=clients -run '^TestClientsOnTheDemo$$' -v $(ARGS) ./internal/e2e | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'

.PHONY: generate-ts
generate-ts: node ## generate the TypeScript client's types from api/
	@cd api/client/ts && npm ci && npm run generate

##### A new service

# MODEL is the singular name of the model that the service owns. The default is NAME without its last "s".
# PLURAL is its plural, if the derived one is wrong.
NAME :=
MODEL :=
PLURAL :=

.PHONY: new-service
new-service: ## add a service, as in: make new-service NAME=orders MODEL=order
	@go run ./tools/newservice --model "$(MODEL)" --plural "$(PLURAL)" $(ARGS) "$(NAME)"

##### Generated code

.PHONY: generate generate-http generate-messages generate-sql generate-assets
generate: generate-http generate-messages generate-sql generate-assets ## generate all code from api/, asyncapi/ and sql/, and compress files for browsers

# A Go client is created only by the hand-written New. With the generated constructors, a 404 would look like success. The
# generator has no option to omit them, so they are renamed and no longer exported.
WAYS_IN := 'NewClient -> newClient' 'NewClientWithResponses -> newClientWithResponses' 'ClientOption -> clientOption' \
	'WithHTTPClient -> withHTTPClient' 'WithBaseURL -> withBaseURL' 'WithRequestEditorFn -> withRequestEditorFn'

generate-http:
	@for s in $(SERVICES); do \
		mkdir -p services/$$s/internal/oapi api/client/go/$${s}client && \
		$(TOOL) oapi-codegen -config api/$$s/oapi-codegen.yaml api/$$s/openapi.yaml && \
		$(TOOL) oapi-codegen -config api/$$s/oapi-codegen.client.yaml api/$$s/openapi.yaml || exit 1; \
		for way in $(WAYS_IN); do \
			"$$(go env GOROOT)/bin/gofmt" -r "$$way" -w api/client/go/$${s}client/client.gen.go || exit 1; \
		done; \
	done

generate-messages:
	@for s in $(SERVICES); do \
		go run -C tools/generate ./asyncgen -out ../../services/$$s/internal/messages/messages.gen.go ../../asyncapi/$$s.yaml || exit 1; \
	done

generate-sql:
	@$(TOOL) sqlc generate

generate-assets:
	@go run ./tools/compress

# Not part of "generate": the data comes from a registry, and another release of it changes names that people see.
CLDR := 48.2.0
.PHONY: market-names
market-names: node ## renew the names of the sample markets from the Unicode CLDR, and commit the result
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	npm pack --silent --pack-destination "$$dir" cldr-core@$(CLDR) cldr-localenames-full@$(CLDR) >/dev/null && \
	for a in "$$dir"/*.tgz; do tar -xzf "$$a" -C "$$dir" || exit 1; done && \
	go run ./tools/marketnames "$$dir/package" services/catalog/sampledata

# A file is stale if generation changes or adds it, or if no generator writes it any more.
.PHONY: generate-check
generate-check: ## fail if generated code differs from what the generators produce
	@stamp=$$(mktemp) && trap 'rm -f "$$stamp"' EXIT && sleep 1 && $(MAKE) --no-print-directory generate && \
	git --no-pager diff --exit-code -- '*.gen.go' '*.gz' '*.br' && \
	stale=$$(git ls-files --others --exclude-standard -- '*.gen.go' '*.gz' '*.br'; find . -name '*.gen.go' ! -newer "$$stamp") && \
	if [ -n "$$stale" ]; then echo "not committed, or no longer written by a generator:"; echo "$$stale"; exit 1; fi
