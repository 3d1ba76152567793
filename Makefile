# `make` alone prints the targets. A target's line of help follows its name after "##".
TOOL := go tool -modfile=tools/go.mod
LINT := go tool -modfile="$(CURDIR)/tools/lint/go.mod"
SERVICES := monolith catalog
# Options of a target's program, as in: make demo ARGS="--data-dir ./data"
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Run

# exec: Ctrl-C and SIGTERM reach the demo itself, with nothing in between that could leave it behind.
.PHONY: demo
demo: ## both services, PostgreSQL and a broker in one process; options in ARGS
	@mkdir -p bin && CGO_ENABLED=0 go build -o bin/demo ./cmd/demo && exec bin/demo $(ARGS)

.PHONY: build
build: ## all binaries into bin/, without cgo
	@mkdir -p bin && CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/monolith ./cmd/catalog ./cmd/demo

# VERSION and REVISION go into the images' labels. Their tag is the one that docker-compose.yml uses.
.PHONY: images
images: ## the container images of both services, as docker-compose.yml takes them; needs Docker
	@for s in $(SERVICES); do \
		docker build --target $$s --tag monsplit/$$s:dev --build-arg REVISION="$$(git rev-parse HEAD)" \
			--build-arg VERSION="$$(git describe --tags --always --dirty)" . || exit 1; \
	done

##### Prove

# One PostgreSQL for all tests of a run, from the machine or fetched.
WITH_POSTGRES := go run ./internal/testkit/cmd/withpostgres --

.PHONY: test
test: ## everything a change must pass, except for the targets below; with the race detector
	@$(WITH_POSTGRES) go test -race $(ARGS) ./...
	@cd deploy && go test ./...
	@cd tools && go test ./...
	@cd tools/contractcheck && go test ./...

# -short leaves out a test that runs whole commands.
.PHONY: test-short
test-short: ## the quick tests, before a commit: no race detector, nothing end to end
	@$(WITH_POSTGRES) go test -short $(ARGS) $$(go list ./... | grep -v /internal/e2e)

.PHONY: test-kafka
test-kafka: ## the broker and end-to-end suites, and how the relay fails, on a real Apache Kafka
	@$(WITH_POSTGRES) go run ./internal/testkit/cmd/realkafka -- go test -race -count=1 -tags=realkafka $(ARGS) ./internal/messaging/broker/... ./internal/messaging/outbox/... ./internal/e2e/...

# awk lets through what go test prints; no test at all is a failure.
.PHONY: test-gateway
test-gateway: ## the gateway: a real nginx in front of fake and real services; needs nginx 1.22 or newer
	@$(WITH_POSTGRES) go test -C deploy -race -count=1 -tags=gateway -run '^TestGateway' $(ARGS) ./gateway | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'

# One package after the other: both need the same images.
.PHONY: test-compose
test-compose: ## docker-compose.yml on a real Docker Engine; where images cannot be pulled, with stand-ins for them
	@go test -C deploy -count=1 -p=1 -timeout=30m -tags=compose -v $(ARGS) ./standins ./compose | \
		awk '!/^=== / { print; fflush() } /^ok/ && !/no tests to run/ { passed++ } END { exit passed != 2 }'

# Pictures of what the browser saw go into bin/screenshots.
.PHONY: test-browser
test-browser: node ## the services' pages in a headless Chromium, which has to be on the PATH; needs Node
	@cd tools/browser && npm ci --silent && go test -count=1 $(ARGS) ./...

.PHONY: documents
documents: node ## lint the OpenAPI and AsyncAPI documents; needs Node
	@cd tools/documents && npm ci --silent && npm run --silent lint

PACT := go run ./internal/testkit/cmd/pact

.PHONY: pact
pact: ## contracts: what each consumer expects, and whether its provider keeps to it
	@$(WITH_POSTGRES) $(PACT) check

.PHONY: pact-update
pact-update: ## write contracts/pacts anew, after a deliberate change of what a consumer expects
	@$(WITH_POSTGRES) $(PACT) update

.PHONY: pact-library
pact-library: ## obtain the native library that tests with the tag pact link
	@$(PACT) library

# A REF of git; without one it is the merge base with main, and on main the commit before.
BASE :=

.PHONY: contracts-check
contracts-check: ## contracts: what breaks, and whom, compared with the git ref BASE
	@go run -C tools/contractcheck . -base "$(BASE)"

.PHONY: contracts-mutate
contracts-mutate: ## break a contract in a scratch copy, in one way after the other: the check that is named has to refuse it
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
bench: ## the table of what things cost, beside the bare bound
	@go run ./cmd/bench $(ARGS)

# Each has dependencies of its own, and is linted by the same rules.
MODULES := . deploy tools tools/contractcheck tools/browser

# govulncheck needs its database; where that is out of reach, lint says so and goes on.
.PHONY: lint
lint: ## golangci-lint in all modules, and govulncheck where its database is reachable
	@for m in $(MODULES); do (cd $$m && $(LINT) golangci-lint run ./...) || exit 1; done
	@out=$$($(LINT) govulncheck ./... 2>&1) || case "$$out" in \
		*"fetching vulnerabilities"*) echo "lint: govulncheck left out: its database is out of reach" ;; \
		*) echo "$$out"; exit 1 ;; esac

##### Clients in TypeScript

.PHONY: node
node:
	@command -v npm >/dev/null || { echo "this needs Node.js 20.19 or newer with npm: https://nodejs.org/en/download"; exit 1; }

.PHONY: clients
clients: node ## the TypeScript client: no generated type is stale; build, test, pack, and use the package elsewhere
	@cd api/client/ts && npm ci && npm run generate:check && npm test && \
	rm -f build/*.tgz && npm pack --silent --pack-destination build && npm run test:package

# awk lets through what go test prints; no test at all is a failure.
.PHONY: examples
examples: clients ## the examples and the TypeScript client, end to end against a running demo
	@cd examples/storefront && npm ci && npm run build && npm test
	@go test -count=1 -tags=clients -run '^TestClientsOnTheDemo$$' -v $(ARGS) ./internal/e2e | \
		awk '{ print; fflush() } /^ok/ && !/no tests to run/ { passed = 1 } END { exit !passed }'

.PHONY: generate-ts
generate-ts: node ## generate the TypeScript client's types from api/
	@cd api/client/ts && npm ci && npm run generate

##### Generated code

.PHONY: generate generate-http generate-messages generate-sql
generate: generate-http generate-messages generate-sql ## generate all code from api/, asyncapi/ and sql/

# A Go client is made by the hand-written New alone: through the generated ways in, a 404 would pass for success. The
# generator has no option to leave them out.
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
		go run -C tools ./asyncgen -out ../services/$$s/internal/messages/messages.gen.go ../asyncapi/$$s.yaml || exit 1; \
	done

generate-sql:
	@$(TOOL) sqlc generate

# Stale are: a file that generation changes or adds, and one that no generator writes any more.
.PHONY: generate-check
generate-check: ## fail when generated code is not what the generators make of its sources
	@stamp=$$(mktemp) && trap 'rm -f "$$stamp"' EXIT && sleep 1 && $(MAKE) --no-print-directory generate && \
	git --no-pager diff --exit-code -- '*.gen.go' && \
	stale=$$(git ls-files --others --exclude-standard -- '*.gen.go'; find . -name '*.gen.go' ! -newer "$$stamp") && \
	if [ -n "$$stale" ]; then echo "not committed, or written by no generator:"; echo "$$stale"; exit 1; fi
