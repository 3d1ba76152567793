package main

import (
	"bytes"
	"fmt"
)

// insertion puts a text into a file, next to the anchor, which must occur exactly once. The anchors name the catalog, so
// that they are still there after an insertion. They hold no spaces that gofmt may change.
type insertion struct {
	file, anchor string
	text         string // a template
	before       bool   // before the anchor instead of after it
}

func (in insertion) into(c *change, text string) error {
	if count := bytes.Count(c.content, []byte(in.anchor)); count != 1 {
		return fmt.Errorf("%s: the anchor occurs %d times, want once; adapt tools/newservice/insertions.go to the file:\n%s",
			in.file, count, in.anchor)
	}
	replacement := in.anchor + text
	if in.before {
		replacement = text + in.anchor
	}
	c.content = bytes.Replace(c.content, []byte(in.anchor), []byte(replacement), 1)
	return nil
}

const module = `"github.com/monsplit/monsplit/`

var insertions = []insertion{
	{file: "Makefile", anchor: "SERVICES := monolith catalog", text: " <%.service%>"},
	{file: "Makefile", anchor: "./cmd/monolith ./cmd/catalog", text: " ./cmd/<%.service%>"},
	{file: "Dockerfile", anchor: "-o /out/ ./cmd/monolith ./cmd/catalog", text: " ./cmd/<%.service%>"},
	{file: "Dockerfile", anchor: "ENTRYPOINT [\"/catalog\"]\nCMD [\"serve\"]\n", text: `
FROM service AS <%.service%>
LABEL org.opencontainers.image.title="<%.service%>" \
      org.opencontainers.image.description="The service that owns the <%.models%>"
COPY --from=build /out/<%.service%> /<%.service%>
EXPOSE <%.port%>
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/<%.service%>", "healthcheck"]
ENTRYPOINT ["/<%.service%>"]
CMD ["serve"]
`},
	{file: "sqlc.yaml", anchor: "        out: services/catalog/internal/store/db\n", text: `  - name: <%.service%>
    engine: postgresql
    schema: sql/<%.service%>/migrations
    queries: sql/<%.service%>/queries
    gen:
      go:
        <<: *go
        package: db
        out: services/<%.service%>/internal/store/db
`},
	{file: "asyncapi/embed.go", anchor: "var Catalog []byte\n", text: `
// <%.Service%> is the AsyncAPI document of the <%.service%> service's events.
//
//go:embed <%.service%>.yaml
var <%.Service%> []byte
`},
	{file: "docs/configuration.md", anchor: "| `HTTP_ADDR` | `:8001` | address to listen on, as HOST:PORT; each service has its own default |\n", text: `
## The <%.service%>: its own settings and defaults

| variable | default | meaning |
|---|---|---|
` + "| `HTTP_ADDR` | `:<%.port%>` | address to listen on, as HOST:PORT; each service has its own default |\n"},

	{file: "docs/problems.md", anchor: "| `market-exists` | 409 | a market that is not deleted has this code | |\n",
		text: "| `<%.model%>-exists` | 409 | another <%.model%> that is not deleted has this code | |\n"},
	{file: "api/client/go/apiclient/name.go", anchor: "= \"market-exists\"\n",
		text: "	<%.Model%>Exists = \"<%.model%>-exists\"\n"},
	{file: "api/client/ts/src/problem.ts", anchor: "  | \"market-exists\"\n", text: "  | \"<%.model%>-exists\"\n"},

	// Compose.
	{file: "docker-compose.yml", anchor: "@postgres:5432/catalog?sslmode=disable\n    <<: *settings\n", text: `
x-<%.service%>: &<%.service%>
  image: monsplit/<%.service%>:${MONSPLIT_VERSION:-dev}
  environment:
    DATABASE_URL: postgres://<%.service%>:${<%.SERVICE%>_DB_PASSWORD:-demo-only-<%.service%>}@postgres:5432/<%.service%>?sslmode=disable
    <<: *settings
`},
	{file: "docker-compose.yml", anchor: "    env_file: deploy/gateway/gateway.env\n", before: true,
		text: "      <%.service%>: {condition: service_healthy}\n"},
	{file: "docker-compose.yml", anchor: "    build: {<<: *build, target: catalog}\n    depends_on: *needs\n", text: `
  <%.service%>:
    <<: [*service, *<%.service%>]
    build: {<<: *build, target: <%.service%>}
    depends_on: *needs
`},
	{file: "docker-compose.yml", anchor: "      CATALOG_DB_PASSWORD: ${CATALOG_DB_PASSWORD:-demo-only-catalog}\n",
		text: "      <%.SERVICE%>_DB_PASSWORD: ${<%.SERVICE%>_DB_PASSWORD:-demo-only-<%.service%>}\n"},
	{file: "deploy/compose/databases.sh", anchor: "service_database catalog \"$CATALOG_DB_PASSWORD\"\n",
		text: "service_database <%.service%> \"$<%.SERVICE%>_DB_PASSWORD\"\n"},

	// The gateway.
	{file: "deploy/gateway/snippets/routes.conf", anchor: "    ~^/catalog(/|$)         catalog;\n",
		text: "    <%printf \"~^/%s(/|$)\" .service | printf \"%-23s\"%> <%.service%>;\n"},
	{file: "deploy/gateway/templates/gateway.conf.template", anchor: "    catalog     ${GATEWAY_CATALOG};\n",
		text: "    <%printf \"%-11s\" .service%> ${GATEWAY_<%.SERVICE%>};\n"},
	{file: "deploy/gateway/gateway.env", anchor: "GATEWAY_CATALOG=catalog:8001\n",
		text: "GATEWAY_<%.SERVICE%>=<%.service%>:<%.port%>\n"},

	// Tests that name every service.
	{file: "deploy/gateway/routes_test.go", anchor: "	catalogapi " + module + "api/catalog\"\n",
		text: "	<%.service%>api " + module + "api/<%.service%>\"\n"},
	{file: "deploy/gateway/routes_test.go", anchor: `"catalog": catalogapi.Document`, text: `, "<%.service%>": <%.service%>api.Document`},
	{file: "api/documents_test.go", anchor: "	catalogapi " + module + "api/catalog\"\n",
		text: "	<%.service%>api " + module + "api/<%.service%>\"\n"},
	{file: "api/documents_test.go", anchor: `"catalog": catalogapi.Document`, text: `, "<%.service%>": <%.service%>api.Document`},
	{file: "asyncapi/documents_test.go", anchor: `"catalog": asyncapi.Catalog`, text: `, "<%.service%>": asyncapi.<%.Service%>`},
	{file: "asyncapi/examples_test.go", anchor: `"catalog": asyncapi.Catalog`, text: `, "<%.service%>": asyncapi.<%.Service%>`},
	{file: "internal/docpages/docpages_test.go", anchor: `"catalog": asyncapi.Catalog`, text: `, "<%.service%>": asyncapi.<%.Service%>`},
	{file: "internal/eventschema/events_test.go", anchor: `"catalog": asyncapi.Catalog`, text: `, "<%.service%>": asyncapi.<%.Service%>`},
	{file: "deploy/compose/file_test.go", anchor: `"catalog": "catalog", "catalog-import": "catalog",`,
		text: ` "<%.service%>": "<%.service%>",`},
	{file: "internal/config/document_test.go", anchor: "	" + module + "services/catalog\"\n",
		text: "	" + module + "services/<%.service%>\"\n"},
	{file: "internal/config/document_test.go", anchor: "	{\"catalog\", catalog.Defaults()},\n",
		text: "	{\"<%.service%>\", <%.service%>.Defaults()},\n"},
	{file: "internal/postgres/migrate_test.go", anchor: "	catalogsql " + module + "sql/catalog\"\n",
		text: "	<%.service%>sql " + module + "sql/<%.service%>\"\n"},
	{file: "internal/postgres/migrate_test.go", anchor: "{FS: catalogsql.Migrations, Table: \"goose_service\"},\n",
		text: "		\"<%.service%>\": {FS: <%.service%>sql.Migrations, Table: \"goose_service\"},\n"},
}
