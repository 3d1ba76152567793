package main

import (
	"fmt"
	"io"
	"os"
	"sync"
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

// guide prints the addresses and folders, and commands to try.
func (s system) guide(out io.Writer, databases *databases, kafka *kafka, dir string, scratch bool) {
	kept := dir
	if scratch {
		kept += " (removed at the end)"
	}
	fmt.Fprintf(out, `
  monolith   http://%[1]s   the old system: owns products, serves the legacy API
  catalog    http://%[2]s   the new service: owns catalog entries and markets
  Kafka      %[3]s%[4]s
  data       %[5]s, log in demo.log

Sign in as admin, with the password pass:

  http://%[1]s/admin
  http://%[2]s/catalog/admin

Create a product in the monolith, and read it from the catalog:

  curl -s http://%[1]s/api/v1/product -H 'Content-Type: application/json' \
    -d '{"name": "Walnut desk", "product_category": "Desks"}'
  curl -s 'http://%[2]s/catalog/api/v1/products?search=walnut'

What the new service owns, and how an old integration sees it:

  curl -s 'http://%[2]s/catalog/api/v1?market=DE&limit=2'
  curl -s 'http://%[1]s/api/v1/catalog?limit=2'

Look into the monolith's outbox:

  DATABASE_URL='%[6]s' KAFKA_BROKERS=%[3]s \
    go run ./cmd/monolith outbox status
`, httpserver.ClientAddr(s.monolith.HTTP.Addr), httpserver.ClientAddr(s.catalog.HTTP.Addr), kafka.addr, kafka.kind(), kept, databases.shownURL("monolith"))
	if kafka.embedded != nil {
		fmt.Fprintf(out, "\nStop Kafka, and start it again with the same command:\n\n  kill -USR1 %d\n", os.Getpid())
	}
	fmt.Fprintln(out)
}

func (k *kafka) kind() string {
	if k.embedded == nil {
		return ""
	}
	return "   (embedded test broker)"
}
