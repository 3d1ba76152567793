package archtest

import (
	"slices"
	"strings"
)

// In a service a package is its root package, which wires everything, its sample data, an adapter, a generated leaf, or
// business. The packages below an adapter are part of the adapter. Every package that is not listed here is business, so
// that a new package is bound by the rules of business without a change here.
var (
	adapters = []string{"httpapi", "adminpages", "publish", "consume", "store"}
	leaves   = []string{"oapi", "messages", "store/db"} // generated
)

// whole lists the packages that may import everything, because they run or examine the whole system.
var whole = []string{"cmd/demo", "cmd/bench", "internal/e2e"}

// businessMayUseOfStandard lists the packages of the standard library that business code may import. None of them does I/O,
// serializes, or has a state that others can see. A value from outside, such as a random number or the time, is passed in.
var businessMayUseOfStandard = []string{
	"bytes", "cmp", "context", "errors", "fmt", "iter", "maps", "math", "math/big", "math/bits", "regexp", "slices", "sort",
	"strconv", "strings", "time", "unicode/**",
}

// businessMayUse lists the packages outside its service that business code may import. Each of them has no I/O.
var businessMayUse = []string{
	"internal/apperr",      // the closed set of errors
	"internal/condition",   // If-Match and Idempotency-Key, as business code sees them
	"internal/copyrow",     // when a copy takes a change
	"internal/recordindex", // keys of many records
	"internal/nametext",    // the form in which names are stored and compared
}

// messagingMayUse lists the packages outside internal/messaging that it may import. They would move with it into a library.
// So they import nothing of this module themselves, and each line needs a reason.
var messagingMayUse = []string{
	"internal/delay",      // waiting between two rounds
	"internal/pgtx",       // how a transaction runs, and what PostgreSQL's errors say
	"internal/strictjson", // what JSON from outside must not contain, and how it is decoded
}

// Rules returns the architecture for the services of these packages. docs/architecture.md has it as a picture.
func Rules(packages []Package) []Rule {
	services := Services(packages)
	broker := []string{"github.com/twmb/franz-go/pkg/kmsg", "github.com/twmb/franz-go/pkg/sasl/**"}
	embedded := []string{"cmd/demo", "cmd/bench", "internal/testkit/**", "internal/messaging/embeddedbroker"}
	rules := slices.Concat(separation(services), business(services), betweenAdapters(), drivers(), []Rule{
		{
			Name:    "messaging imports nothing of this module outside internal/messaging",
			Why:     "messaging could be lifted out as a library; it knows no table, topic or error of a service",
			Instead: "let the caller pass in what messaging needs, as a value, a function or an interface that messaging declares",
			From:    []string{"internal/messaging/**"},
			Deny:    []string{ofModule}, Allow: append([]string{"internal/messaging/**"}, messagingMayUse...),
		},
		{
			Name:    "what messaging uses imports nothing of this module",
			Why:     "these packages would move with messaging into a library, and could not take more with them",
			Instead: "let the caller pass in what the package needs, or put the code into a package that wraps it, as internal/postgres does",
			From:    messagingMayUse, Deny: []string{ofModule},
		},
		{
			Name:    "only the adapter of a table imports its generated queries",
			Why:     "a query that is called from two places cannot be changed in one, and locks would be taken in two orders",
			Instead: "add a method to the package that owns the table: services/*/internal/store, outbox, consumer, request, idempotency, access, account or history",
			From:    []string{all},
			Except: append(below("store"), "internal/messaging/outbox", "internal/messaging/consumer", "internal/messaging/request",
				"internal/messaging/wakeup", "internal/messaging/journey", "internal/messaging/audit", "internal/idempotency", "internal/access", "internal/account", "internal/history", "internal/bulkimport/samplemark"),
			Deny: []string{"services/*/internal/store/db", "internal/*/db"}, Tests: true,
		},
		{
			Name:    "only programs and whole-system packages import a service's root",
			Why:     "the root package wires everything, so that its importer depends on everything",
			Instead: "import the package that you need, or move the code to cmd/ or internal/e2e",
			From:    []string{all}, Except: append([]string{"cmd/**"}, whole...), Deny: []string{"services/*"},
		},
		{
			// Nothing can import cmd/bench, because it is a main package. So what it imports reaches no other program.
			Name:    "test helpers reach no program",
			Why:     "test helpers start servers, kill processes and panic; no deployed program may contain them",
			Instead: "use the helper in a _test.go file, or move what production needs out of internal/testkit",
			From:    []string{all}, Except: []string{"internal/testkit/**", "cmd/bench"},
			Deny: []string{"internal/testkit/**", "testing/**"},
		},
		{
			Name:    "only tests and the demo use the embedded broker",
			Why:     "it keeps nothing when its process ends, and it is not Kafka",
			Instead: "use internal/messaging/broker, with the address of a real Kafka",
			From:    []string{all}, Except: embedded,
			Deny: []string{"internal/messaging/embeddedbroker", "github.com/twmb/franz-go/**"}, Allow: broker,
		},
		{
			Name:    "only the broker package encodes Kafka's requests",
			Why:     "topic ids, leader epochs and the prefix of names must be in every request, or a reader misses that a topic is another one; and one package signs in",
			Instead: "use or extend internal/messaging/broker",
			From:    []string{all}, Except: append([]string{"internal/messaging/broker"}, embedded...),
			Deny: broker,
		},
	})
	return rules
}

// separation keeps services apart from each other, and the machinery and the clients apart from services.
func separation(services []string) (rules []Rule) {
	var anyService []string
	for _, s := range services {
		anyService = append(anyService, "api/"+s+"/**", "sql/"+s+"/**")
		for _, other := range services {
			if other != s {
				rules = append(rules, Rule{
					Name:    "the " + s + " does not know the " + other,
					Why:     "each service can be deployed, and can be down, without the other; only events connect them",
					Instead: "consume the other's events into a copy of your own, as productcopy and catalogcopy do",
					From:    []string{"services/" + s + "/**"},
					Deny:    []string{"services/" + other + "/**", "api/" + other + "/**", "sql/" + other + "/**"}, Tests: true,
				})
			}
		}
	}
	return append(rules, Rule{
		Name:    "a service calls no service",
		Why:     "with a synchronous call, one service would be down whenever the other is",
		Instead: "consume the other's events into a copy of your own, and read the copy",
		From:    []string{"services/**"}, Deny: []string{"api/client/**"}, Tests: true,
	}, Rule{
		Name:    "machinery imports no service",
		Why:     "the machinery is shared; it must also work for a service that does not exist yet",
		Instead: "let the service's root package pass it in, or move the code to the service",
		From:    []string{"internal/**"}, Except: []string{"internal/e2e"}, Deny: append([]string{"services/**"}, anyService...),
	}, Rule{
		Name:    "clients and examples import nothing of the services or their machinery",
		Why:     "they show what a user can do with only the documents and the published clients",
		Instead: "use api/client/go, or extend the client",
		From:    []string{"api/client/**", "examples/**"},
		Deny:    append([]string{"services/**", "internal/**", "asyncapi/**", "sql/**"}, anyService...),
	})
}

// betweenAdapters keeps the adapters of a service apart from each other.
func betweenAdapters() (rules []Rule) {
	for _, a := range adapters {
		rules = append(rules, Rule{
			Name:    a + " meets other adapters only in the service's root package",
			Why:     "an adapter that calls another adapter goes around the business rules between them",
			Instead: "let the adapter call the business package, and connect both in the service's root package",
			From:    below(a), Deny: below(adapters...), Allow: below(a),
		})
	}
	return rules
}

// business keeps I/O, frameworks and other packages out of business code.
func business(services []string) (rules []Rule) {
	rules = []Rule{
		{
			Name: "business code imports, of the standard library, only what businessMayUseOfStandard lists",
			Why:  "rules without I/O are tested as a table of values, and adapters decide what is logged and how data is encoded",
			Instead: "declare a small interface that an adapter implements, or return an apperr error, which is logged at the edge; " +
				"a package without I/O and global state may be added to businessMayUseOfStandard in rules.go",
			From: []string{"services/*/**"}, Except: notBusiness(),
			Deny: []string{standard}, Allow: businessMayUseOfStandard,
		},
		{
			Name:    "business code imports no other module, except for UUIDs",
			Why:     "a driver or framework in a rule ties the rule to one database, one transport and one version",
			Instead: "declare a small interface in the business package, and implement it in an adapter (httpapi, store, publish, consume)",
			From:    []string{"services/*/**"}, Except: notBusiness(),
			Deny: []string{thirdParty}, Allow: []string{"github.com/google/uuid"},
		},
		{
			Name: "business code imports no adapter, no generated code, no sample data and no root package",
			Why:  "adapters depend on business code, never the reverse, so that a change of transport or storage changes no rule",
			Instead: "declare an interface in the business package; if your package is an adapter, put it into the service's folder " +
				"internal, and add its name to adapters in rules.go",
			From: []string{"services/*/**"}, Except: notBusiness(),
			Deny: notBusiness(),
		},
	}
	for _, s := range services {
		rules = append(rules, Rule{
			Name:    "business code of the " + s + " imports, of this module, only the " + s + " and what businessMayUse lists",
			Why:     "machinery depends on business code or is passed in; otherwise a rule cannot be read or tested alone",
			Instead: "declare the interface where it is used, and let the root package pass the implementation in",
			From:    []string{"services/" + s + "/**"}, Except: notBusiness(),
			Deny: []string{ofModule}, Allow: append([]string{"services/" + s + "/**"}, businessMayUse...),
		})
	}
	return rules
}

// drivers names, for each driver and framework, the only packages that know it.
func drivers() []Rule {
	return []Rule{
		{
			Name:    "only storage knows PostgreSQL",
			Why:     "transactions, locks and the translation of database errors are in one place for each table",
			Instead: "add a method to services/*/internal/store, and an interface where it is used",
			From:    []string{all}, Except: append([]string{"internal/pgtx", "internal/postgres", "internal/pgserver", "internal/idempotency", "internal/access", "internal/account", "internal/history",
				"internal/messaging/outbox", "internal/messaging/consumer", "internal/messaging/request", "internal/messaging/wakeup",
				"internal/messaging/journey", "internal/messaging/audit", "internal/messaging/repair", "internal/*/db", "internal/testkit/**", "services/*/internal/store/**"}, whole...),
			Deny: []string{"github.com/jackc/pgx/**"},
		},
		{
			Name:    "only the broker package knows kafka-go",
			Why:     "fencing and idempotence depend on how requests are sent; a second user of kafka-go could break them",
			Instead: "use or extend internal/messaging/broker",
			From:    []string{all}, Except: []string{"internal/messaging/broker"},
			Deny: []string{"github.com/segmentio/kafka-go/**"}, Tests: true,
		},
		{
			Name:    "only the HTTP side knows Echo",
			Why:     "a new version of the framework then changes only the wiring",
			Instead: "take a context and values; httpapi maps the request",
			From:    []string{all}, Except: append(below("httpapi", "oapi"), "internal/httpserver", "internal/oas"),
			Deny: []string{"github.com/labstack/echo/**"},
		},
	}
}

// Services returns the names of the folders below services/.
func Services(packages []Package) (names []string) {
	for _, p := range packages {
		rest, ok := strings.CutPrefix(p.Path, "services/")
		if name, _, _ := strings.Cut(rest, "/"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// notBusiness are the patterns of all packages of services that are not business.
func notBusiness() []string {
	return slices.Concat([]string{"services/*", "services/*/sampledata"}, below(adapters...), below(leaves...))
}

// below returns the patterns of these packages, and of those below them, in every service.
func below(names ...string) (patterns []string) {
	for _, name := range names {
		patterns = append(patterns, "services/*/internal/"+name+"/**")
	}
	return patterns
}
