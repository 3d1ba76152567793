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
	if in.before {
		return replaceOnce(c, in.anchor, text+in.anchor)
	}
	return replaceOnce(c, in.anchor, in.anchor+text)
}

// replaceOnce replaces a text that must occur exactly once.
func replaceOnce(c *change, old, replacement string) error {
	if count := bytes.Count(c.content, []byte(old)); count != 1 {
		return fmt.Errorf("%s: this text occurs %d times, want once; adapt tools/newservice to the file:\n%s", c.path, count, old)
	}
	c.content = bytes.Replace(c.content, []byte(old), []byte(replacement), 1)
	return nil
}

const module = `"github.com/monsplit/monsplit/`

var insertions = []insertion{
	{file: "Dockerfile", anchor: "ENTRYPOINT [\"/catalog\"]\nCMD [\"serve\"]\n", text: `
FROM service AS <%.service%>
LABEL org.opencontainers.image.title="<%.service%>" \
      org.opencontainers.image.description="The service that owns the <%.models%>"
COPY --from=build /out/<%.service%> /<%.service%>
COPY --from=build /out/<%.service%>.cdx.json /sbom.cdx.json
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
        emit_exact_table_names: true # a type is named after its table, also if that ends in "s"
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
	{file: "docker-compose.yml", anchor: "HTTP_ALLOWED_HOSTS: gateway,catalog,${HTTP_ALLOWED_HOSTS:-localhost}\n    <<: *settings\n", text: `
x-<%.service%>: &<%.service%>
  image: monsplit/<%.service%>:${MONSPLIT_VERSION:-dev}
  environment:
    DATABASE_URL: postgres://<%.service%>:${<%.SERVICE%>_DB_PASSWORD:-demo-only-<%.service%>}@postgres:5432/<%.service%>?sslmode=disable
    HTTP_ALLOWED_HOSTS: gateway,<%.service%>,${HTTP_ALLOWED_HOSTS:-localhost}
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
	{file: "docker-compose.yml", anchor: "import, --once, --wait, 2m]\n    depends_on:\n      catalog: {condition: service_healthy}\n", text: `
  <%.service%>-import:
    <<: [*import, *<%.service%>]
    command: [import, --once]
    depends_on:
      <%.service%>: {condition: service_healthy}
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
	{file: "deploy/gateway/README.md", anchor: "| where the catalog's instances listen, as NAME:PORT |\n",
		text: "| `GATEWAY_<%.SERVICE%>` | `<%.service%>:<%.port%>` | where the instances of <%.service%> listen, as NAME:PORT |\n"},
	{file: "deploy/gateway/page/index.html", anchor: "</section>\n</div>\n", before: true, text: `</section>
<section aria-labelledby="<%.service%>">
<h2 id="<%.service%>"><%.Service%> <span>a new service</span></h2>
<p>Owns the <%.models%>, and keeps a copy of the products.</p>
<ul>
<li><a href="/<%.service%>/docs">HTTP API, to try out <code>/<%.service%>/docs</code></a></li>
<li><a href="/<%.service%>/docs/events">Events on Kafka <code>/<%.service%>/docs/events</code></a></li>
<li><a href="/<%.service%>/api/v1/products">Products <code>/<%.service%>/api/v1/products</code></a></li>
<li><a href="/<%.service%>/api/v1/<%.models%>"><%.Models%> <code>/<%.service%>/api/v1/<%.models%></code></a></li>
<li><a href="/<%.service%>/openapi.yaml">OpenAPI <code>/<%.service%>/openapi.yaml</code></a></li>
<li><a href="/<%.service%>/asyncapi.yaml">AsyncAPI <code>/<%.service%>/asyncapi.yaml</code></a></li>
</ul>
`},

	// Tests that need something of every service that cannot be read from its files. Each fails if a service is missing.
	{file: "api/bodies_test.go", anchor: "	valid := map[string]string{ // document and schema → members\n",
		text: "		\"<%.service%> <%.Model%>Input\": `\"code\": \"N1\", \"name\": \"a\", ` + ignored,\n" +
			"		\"<%.service%> <%.Model%>Replacement\": `\"name\": \"a\", ` + ignored,\n" +
			"		\"<%.service%> <%.Model%>Patch\": ignored,\n"},
	{file: "api/bodies_test.go", anchor: "	invalid := map[string][]string{\n",
		text: "		\"<%.service%> <%.Model%>Input\": {`{\"code\": \"N1\"}`, `{\"name\": \"a\"}`, `{\"code\": \"n1\", \"name\": \"a\"}`},\n" +
			"		\"<%.service%> <%.Model%>Replacement\": {`{}`, `{\"name\": null}`, `{\"name\": \"` + strings.Repeat(\"x\", 81) + `\"}`},\n" +
			"		\"<%.service%> <%.Model%>Patch\": {`{\"name\": null}`, `{\"code\": null}`},\n"},
	{file: "api/class_test.go", anchor: "	want := map[string][]string{ // document and class → operations\n",
		text: "		\"<%.service%> read\": {\"get<%.Model%>\", \"getProduct\"},\n" +
			"		\"<%.service%> list\": {\"list<%.Models%>\", \"listProducts\"},\n" +
			"		\"<%.service%> write\": {\"create<%.Model%>\", \"delete<%.Model%>\", \"patch<%.Model%>\", \"replace<%.Model%>\"},\n"},
	{file: "internal/postgres/owned_test.go", anchor: "var ownedTables = map[string]ownedTable{\n", text: "	`\"<%.model%>\"`: {" + `
		service: "<%.service%>", topic: "monsplit.<%.model%>.v1", id: "code", change: "name = 'other'", key: codeKey,
		insert: ` + "`INSERT INTO \"<%.model%>\" (code, name, version, created_at, updated_at) VALUES ($1, 'name', 1, now(), now())`" + `,
	},
`},
	{file: "internal/config/document_test.go", anchor: "	" + module + "services/catalog\"\n",
		text: "	" + module + "services/<%.service%>\"\n"},
	{file: "internal/config/document_test.go", anchor: "	{\"catalog\", catalog.Defaults()},\n",
		text: "	{\"<%.service%>\", <%.service%>.Defaults()},\n"},
	{file: "deploy/gateway/real_test.go", anchor: "	" + module + "services/catalog\"\n",
		text: "	" + module + "services/<%.service%>\"\n"},
	{file: "deploy/gateway/real_test.go", anchor: "start(t, catalog.Run),\n", text: "		\"<%.service%>\": start(t, <%.service%>.Run),\n"},
}
