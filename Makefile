# `make` alone prints the targets. A target's line of help follows its name after "##".
TOOL := go tool -modfile=tools/go.mod
SERVICES := monolith catalog

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this
	@awk 'BEGIN { FS = ":.*## " } /^[a-z][a-z0-9-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##### Generated code

.PHONY: generate generate-http generate-messages generate-sql
generate: generate-http generate-messages generate-sql ## generate all code from api/, asyncapi/ and sql/

generate-http:
	@for s in $(SERVICES); do \
		mkdir -p services/$$s/internal/oapi && \
		$(TOOL) oapi-codegen -config api/$$s/oapi-codegen.yaml api/$$s/openapi.yaml || exit 1; \
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
