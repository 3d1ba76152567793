package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"text/template"
	"time"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// narrator prints what happens, line by line.
type narrator struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

func (n *narrator) step(what string) { n.line(what + " …") }

func (n *narrator) line(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(n.out, what)
}

// guideText has addresses and folders, and commands to try.
var guideText = template.Must(template.New("guide").Parse(`
  monolith   http://{{.Monolith}}   the old system: owns products, serves the legacy API
  catalog    http://{{.Catalog}}   the new service: owns catalog entries and markets
  Kafka      {{.Kafka}}{{.KafkaKind}}
  data       {{.Data}}, log in demo.log

Sign in as admin, with the password pass:

  http://{{.Monolith}}/admin   create a product here
  http://{{.Catalog}}/catalog/admin/journey   watch it arrive here
{{if .Tokens}}
Requests to the APIs need a token. Create one in each service:

  MONOLITH_TOKEN=$(DATABASE_URL='{{.MonolithDatabase}}' \
    go run ./cmd/monolith token create --name demo --scope read,write)
  CATALOG_TOKEN=$(DATABASE_URL='{{.CatalogDatabase}}' \
    go run ./cmd/catalog token create --name demo --scope read,write)
{{end}}
Create a product in the monolith, and read it from the catalog:

  curl -s http://{{.Monolith}}/api/v1/product -H 'Content-Type: application/json'{{.Header "MONOLITH_TOKEN"}} \
    -d '{"name": "Walnut desk", "product_category": "Desks"}'
  curl -s 'http://{{.Catalog}}/catalog/api/v1/products?search=walnut'{{.Header "CATALOG_TOKEN"}}

What the new service owns, and how an old integration sees it:

  curl -s 'http://{{.Catalog}}/catalog/api/v1?market=DE&limit=2'{{.Header "CATALOG_TOKEN"}}
  curl -s 'http://{{.Monolith}}/api/v1/catalog?limit=2'{{.Header "MONOLITH_TOKEN"}}

Look into the monolith's outbox:

  DATABASE_URL='{{.MonolithDatabase}}' KAFKA_BROKERS={{.Kafka}} \
    go run ./cmd/monolith outbox status
{{if .Signal}}
Stop Kafka, and start it again with the same command:

  kill -USR1 {{.Signal}}
{{end}}
`))

type guide struct {
	Monolith, Catalog                 string // HOST:PORT
	MonolithDatabase, CatalogDatabase string // URLs
	Kafka, KafkaKind, Data            string
	Tokens                            bool
	Signal                            int // process id for signals; 0 if the demo does not control Kafka
}

// Header returns the part of a curl command that sends the token in a variable of the shell.
func (g guide) Header(variable string) string {
	if !g.Tokens {
		return ""
	}
	return fmt.Sprintf(` -H "Authorization: Bearer $%s"`, variable)
}

// print writes the guide for people.
func (g guide) print(out io.Writer) error { return guideText.Execute(out, g) }

// guide returns what users need to know about the running demo.
func (s system) guide(opts options, databases *databases, kafka *kafka, dir string) guide {
	g := guide{
		Monolith: httpserver.ClientAddr(s.monolith.HTTP.Addr), Catalog: httpserver.ClientAddr(s.catalog.HTTP.Addr),
		MonolithDatabase: databases.shownURL("monolith"), CatalogDatabase: databases.shownURL("catalog"),
		Kafka: kafka.addr, KafkaKind: kafka.kind(), Data: dir, Tokens: opts.Tokens,
	}
	if opts.DataDir == "" {
		g.Data += " (removed at the end)"
	}
	if kafka.embedded != nil {
		g.Signal = os.Getpid()
	}
	return g
}

func (k *kafka) kind() string {
	if k.embedded == nil {
		return ""
	}
	return "   (embedded test broker)"
}
