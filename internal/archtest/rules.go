package archtest

import (
	"fmt"
	"regexp"
)

// Rule forbids the packages that match From to import what matches Deny, unless it matches Allow. All patterns are
// regular expressions on paths as in Package.
type Rule struct {
	Name   string
	From   string
	Except string // packages matching From that the rule does not bind
	Deny   string
	Allow  string
	Tests  bool // binds their tests too
}

const (
	business = `^services/[^/]+/internal/(product|catalogcopy|market|entry|productcopy)$`
	adapters = `^services/[^/]+/internal/(httpapi|admin|consume|publish|store)$`
	// whole lists what may see everything because it runs or examines the whole system.
	whole = `^cmd/(demo|bench)(/|$)|^internal/(e2e|archtest)(/|$)`
)

// Rules is the architecture.
func Rules() []Rule {
	return []Rule{
		{
			Name: "the monolith does not know the catalog",
			From: `^services/monolith(/|$)`, Deny: `^(services|api|sql)/catalog(/|$)|^api/client/`, Tests: true,
		},
		{
			Name: "the catalog does not know the monolith",
			From: `^services/catalog(/|$)`, Deny: `^(services|api|sql)/monolith(/|$)|^api/client/`, Tests: true,
		},
		{
			Name: "machinery imports no service",
			From: `^internal/`, Except: whole, Deny: `^services/|^(api|sql)/(monolith|catalog)(/|$)`,
		},
		{
			Name: "clients and examples stand outside: they import nothing of the services or their machinery",
			From: `^(api/client|examples)/`, Deny: `^(services|sql|asyncapi|internal)/|^api/(monolith|catalog)$`,
		},
		{
			Name: "business code imports the standard library, apperr, uuid and other business code alone",
			From: business, Deny: `.`, Allow: `^[a-z0-9]+(/[a-z0-9]+)*$|^github\.com/google/uuid$`,
		},
		{
			Name: "business code does no I/O by the standard library, and no module of ours but these",
			From: business, Deny: `^(net|os|log|database|embed|syscall|html|text)(/|$)|^(internal|services|api|sql|asyncapi)/`,
			Allow: `^internal/(apperr|condition|copyrow)$|` + business,
		},
		{
			Name: "only storage knows PostgreSQL",
			From: `.`, Deny: `^github\.com/jackc/pgx`, Except: whole +
				`|^internal/(postgres|pgserver|idempotency|idempotency/db)$|^internal/messaging/(outbox|consumer|db)$|^internal/testkit/` +
				`|^services/[^/]+/internal/store(/db)?$`,
		},
		{
			Name: "only the broker package knows kafka-go",
			From: `.`, Except: `^internal/messaging/broker(/|$)`, Deny: `^github\.com/segmentio/kafka-go`, Tests: true,
		},
		{
			Name: "only the HTTP side knows Echo",
			From: `.`, Deny: `^github\.com/labstack/echo`,
			Except: `^internal/(httpserver|oas|adminui)$|^services/[^/]+/internal/(httpapi|admin|oapi)$`,
		},
		{
			Name: "generated queries stay behind their storage",
			From: `.`, Deny: `^services/[^/]+/internal/store/db$|^internal/messaging/db$|^internal/idempotency/db$`, Tests: true,
			Except: `^services/[^/]+/internal/store$|^internal/messaging/(outbox|consumer)$|^internal/(idempotency|bulkimport/samplemark)$`,
		},
		{
			Name: "adapters meet only in the service's root package",
			From: adapters, Deny: adapters,
		},
		{
			Name: "only the binaries and the whole-system packages import a service's root",
			From: `.`, Except: `^cmd/|` + whole, Deny: `^services/[^/]+$`,
		},
		{
			// The exempt are no part of a binary but themselves: no package can import the bench, which is a main package.
			Name: "test helpers reach no binary",
			From: `.`, Except: `^internal/testkit/|^cmd/bench$`, Deny: `^internal/testkit/|^testing(/|$)`,
		},
		{
			Name: "only tests and the demo use the embedded broker",
			From: `.`, Except: `^cmd/(demo|bench)(/|$)|^internal/testkit/[^/]+(/|$)|^internal/messaging/embeddedbroker$`,
			Deny: `^internal/messaging/embeddedbroker$|^github\.com/twmb/franz-go`,
		},
	}
}

// Check returns a sentence for every import that breaks the rule. A rule that binds no package is broken too: a rename
// has switched it off without a word.
func (r Rule) Check(packages []Package) (broken []string) {
	from, except := regexp.MustCompile(r.From), optional(r.Except)
	deny, allow := regexp.MustCompile(r.Deny), optional(r.Allow)
	bound := 0
	for _, p := range packages {
		if !from.MatchString(p.Path) || except(p.Path) {
			continue
		}
		bound++
		imports := p.Imports
		if r.Tests {
			imports = append(imports[:len(imports):len(imports)], p.TestImports...)
		}
		for _, imported := range imports {
			if imported != p.Path && deny.MatchString(imported) && !allow(imported) {
				broken = append(broken, fmt.Sprintf("%s: %s imports %s", r.Name, p.Path, imported))
			}
		}
	}
	if bound == 0 {
		broken = append(broken, fmt.Sprintf("%s: the rule binds no package", r.Name))
	}
	return broken
}

// optional matches nothing when the pattern is empty.
func optional(pattern string) func(string) bool {
	if pattern == "" {
		return func(string) bool { return false }
	}
	return regexp.MustCompile(pattern).MatchString
}
