package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// orders is the configuration of a third service. It has settings of its own, and a part with rules.
type orders struct {
	Common
	Currency string `env:"ORDERS_CURRENCY" envDefault:"EUR" about:"currency of all prices"`
	Payment  payment
}

type payment struct {
	Key     string        `env:"ORDERS_PAYMENT_KEY" about:"key of the payment provider" secret:"all"`
	Timeout time.Duration `env:"ORDERS_PAYMENT_TIMEOUT" envDefault:"3s" about:"how long the payment provider may take"`
}

func (p payment) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(p.Key != "", "ORDERS_PAYMENT_KEY", "is missing")
	must(p.Timeout > 0, "ORDERS_PAYMENT_TIMEOUT", "is %s, but must be longer than 0s", p.Timeout)
}

func TestAThirdServiceHasItsOwnSettings(t *testing.T) {
	t.Parallel()
	variables := good()
	variables["ORDERS_PAYMENT_KEY"], variables["ORDERS_PAYMENT_TIMEOUT"] = "k-123", "5s"
	cfg, err := LoadFrom(orders{Common: defaults()}, variables)
	if err != nil || cfg.Currency != "EUR" || cfg.Payment != (payment{"k-123", 5 * time.Second}) || cfg.Outbox.ClaimRows != 6000 {
		t.Errorf("loaded %+v, %v", cfg, err)
	}
	var shown []string
	for _, v := range Variables(cfg) {
		shown = append(shown, v.Name+"="+v.Value)
	}
	for _, want := range []string{"CONSUMER_BATCH=500", "ORDERS_CURRENCY=EUR", "ORDERS_PAYMENT_KEY=***", "ORDERS_PAYMENT_TIMEOUT=5s"} {
		if !slices.Contains(shown, want) {
			t.Errorf("%s is not in %q", want, shown)
		}
	}
}

// All faults are reported at once: of the common part, of the service's own, and values that cannot be read.
func TestAThirdServiceReportsEveryFault(t *testing.T) {
	t.Parallel()
	variables := good()
	variables["CONSUMER_BATCH"], variables["ORDERS_PAYMENT_TIMEOUT"] = "0", "soon"
	_, err := LoadFrom(orders{Common: defaults()}, variables)
	want := "the configuration is not valid:\n" +
		"  ORDERS_PAYMENT_TIMEOUT cannot be read: \"soon\" is not a duration like 500ms, 5s or 2m\n" +
		"  CONSUMER_BATCH is 0, but must be 1 or more\n  ORDERS_PAYMENT_KEY is missing"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := load(orders{}, variables, DatabaseAlone); err != nil {
		t.Errorf("a command that works on the database: %v", err)
	}
}

func TestAThirdServiceIsDocumented(t *testing.T) {
	t.Parallel()
	want := "| variable | default | meaning |\n|---|---|---|\n" +
		"| `HTTP_ADDR` | `:8002` | address to listen on, as HOST:PORT; each service has its own default |\n" +
		"| `ORDERS_CURRENCY` | `EUR` | currency of all prices |\n" +
		"| `ORDERS_PAYMENT_KEY` |  | key of the payment provider |\n" +
		"| `ORDERS_PAYMENT_TIMEOUT` | `3s` | how long the payment provider may take |\n"
	service := orders{}
	service.HTTP.Addr = ":8002"
	if got := Markdown(Own(service)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if text := Text(Defaults(service)); !strings.Contains(text, "HTTP_ADDR (:8002)\n") || !strings.Contains(text, "ORDERS_CURRENCY (EUR)\n") {
		t.Errorf("the help text is\n%s", text)
	}
}

// A struct has the methods of a part that it embeds. Its fault must still be reported once.
func TestAnEmbeddedPartIsCheckedOnce(t *testing.T) {
	t.Parallel()
	type embedding struct {
		Common
		Kafka // its Validate is also the struct's
	}
	variables := good()
	variables["KAFKA_REPLICATION_FACTOR"] = "0"
	_, err := LoadFrom(embedding{Common: defaults()}, variables)
	if err == nil || strings.Count(err.Error(), "KAFKA_REPLICATION_FACTOR is 0") != 1 {
		t.Errorf("got %v", err)
	}
}
