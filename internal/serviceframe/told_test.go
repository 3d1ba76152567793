package serviceframe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
)

// connectError is what pgx says of a database that it cannot reach.
func connectError(t *testing.T, lookup pgconn.LookupFunc) error {
	t.Helper()
	cfg, err := pgconn.ParseConfig("postgres://somebody:hush@localhost:1/secret?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	if lookup != nil {
		cfg.LookupFunc = lookup
	}
	_, err = pgconn.ConnectConfig(t.Context(), cfg)
	return err
}

// pingError is what the client says of brokers that it cannot reach.
func pingError(t *testing.T) error {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	client, err := connect(Spec{Name: "shop"}, config.Common{Kafka: config.Kafka{Brokers: []string{"localhost:1"}}}, log)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return client.Ping(t.Context())
}

// tlsError is what TLS says of a certificate that it does not trust.
func tlsError(t *testing.T) error {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	_, err := (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	return err
}

// What /readyz tells of an error is one of a closed set of sentences, whatever the error's text has.
func TestTelling(t *testing.T) {
	t.Parallel()
	noHost := func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, Server: "10.0.0.2:53", IsNotFound: true}
	}
	late, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	refused := func(code string) error {
		return fmt.Errorf("read: %w", &pgconn.PgError{Severity: "ERROR", Message: "no entry for host \"db.example\", user \"me\"", Code: code})
	}
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"pgx, refused":              {connectError(t, nil), tellNoWay},
		"pgx, unknown host":         {connectError(t, noHost), tellNoName},
		"Kafka, refused":            {pingError(t), tellNoWay},
		"TLS":                       {tlsError(t), tellFailure},
		"DNS":                       {fmt.Errorf("dial tcp: %w", &net.DNSError{Name: "db.example", Err: "no such host"}), tellNoName},
		"time":                      {fmt.Errorf("ping db.example: %w", late.Err()), tellTimeout},
		"time of a socket":          {&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, tellTimeout},
		"cut off":                   {fmt.Errorf("receive from db.example: %w", io.ErrUnexpectedEOF), tellNoWay},
		"a state":                   {refused("42501"), "the database reports SQLSTATE 42501"},
		"several":                   {errors.Join(errors.New("db.example"), refused("53300")), "the database reports SQLSTATE 53300"},
		"a state that is a message": {refused("db.example is down"), tellFailure},
		"another database":          {fmt.Errorf("db.example: %w", postgres.ErrOtherDatabase), postgres.ErrOtherDatabase.Error()},
		"advice":                    {&broker.AccessError{Advice: "turn TLS on", Err: errors.New("db.example")}, "turn TLS on"},
		"anything":                  {errors.New("open /etc/db.example: permission denied"), tellFailure},
	} {
		if got := telling(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q, of %v", name, got, tt.want, tt.err)
		}
	}
}

// The states of relay and consumer have texts of errors and of operators. /readyz has only their codes.
func TestStatesTellNoTexts(t *testing.T) {
	t.Parallel()
	const secret = "db.example:5432"
	until := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	relay := outbox.State{
		Compares: secret,
		Halted:   []outbox.Halt{{Code: outbox.RefusedByKafka, Reason: secret, Shards: []string{"topic-3"}}},
		Standstills: []outbox.Standstill{
			{Code: outbox.StandstillCode(outbox.RefusedByKafka), Reason: secret, Shards: []string{"topic-3"}},
			{Code: outbox.Paused, Reason: secret, Until: &until},
		},
		Troubles: map[string]string{"kafka": secret, "room": secret},
	}
	events := consumer.State{
		LastError: secret, Missing: []string{"topic"},
		Partitions: []consumer.PartitionState{
			{Topic: "topic", Partition: 3, HaltCode: broker.HaltLogTruncated, Halted: secret},
			{Topic: "topic", Partition: 4, Position: 17, Held: secret, Attempts: 2},
			{Topic: "topic", Partition: 5, Conflicts: 6},
		},
	}
	told := strings.Join(append(relay.ForAnyone(), events.ForAnyone()...), "\n")
	if strings.Contains(told, secret) {
		t.Errorf("%s is in\n%s", secret, told)
	}
	for _, want := range []string{
		"refused_by_kafka (shards topic-3). Change the settings", "paused, until 2026-03-01T09:30:00Z", "room: it needs attention",
		"the membership of the consumer group fails", "the topic topic does not exist yet", "topic-3 is halted: log_truncated. When",
		"topic-4 is held at offset 17 after 2 attempts", "copy_conflict",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is missing in\n%s", want, told)
		}
	}
	for _, want := range append(relay.Problems(), events.Problems()...) {
		if !strings.Contains(want, secret) && !strings.Contains(want, "does not exist") && !strings.Contains(want, "copy_conflict") {
			t.Errorf("the log has no reason in %q", want)
		}
	}
}

// The log has what /readyz does not tell: when it begins, once a minute while it lasts, and when it ends. Probes come every second.
func TestFindingsAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	teller := newTeller(slog.New(slog.NewTextHandler(&log, nil)))
	teller.now = func() time.Time { return now }
	var err error
	ask := teller.ask("database", func(context.Context) finding { return found("", err) })
	logged := func(want string) {
		t.Helper()
		if told := ask(t.Context()); (told == nil) != (err == nil) || told != nil && strings.Contains(told.Error(), "db.example") {
			t.Errorf("/readyz says %v of %v", told, err)
		}
		got := log.String()
		if log.Reset(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
	}
	logged("")
	err = &net.DNSError{Name: "db.example", Err: "no such host"}
	logged("db.example")
	logged("")
	now = now.Add(retold - time.Second)
	logged("")
	now = now.Add(time.Second)
	logged("db.example")
	err = errors.New("db.example is full")
	logged("db.example is full")
	err = nil
	logged("ready again")
	logged("")
}
