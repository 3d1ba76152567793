package broker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/testkit/certificate"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

const (
	user, password = "monolith", "correct-horse"
	clientRefused  = "set one that it trusts"
)

// guarded is a cluster with one port for each kind of access. The certificate of its broker names only 127.0.0.1.
type guarded struct {
	embedded         bool
	authority, other *certificate.Authority // other is one that nothing trusts

	plain  string // no TLS, no sign-in
	secure string // TLS and a sign-in
	signed string // a sign-in without TLS
	mutual string // TLS with a certificate of the client

	expired string // TLS with an old certificate; only of the embedded broker
}

func (g guarded) tls(t *testing.T, files broker.TLSFiles) *tls.Config {
	t.Helper()
	if files.CA == "" {
		files.CA = g.authority.File
	}
	cfg, err := broker.LoadTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func credentials(mechanism string) *broker.Credentials {
	return &broker.Credentials{Mechanism: mechanism, Username: user, Password: password}
}

func open(t *testing.T, cfg broker.Config) *broker.Client {
	t.Helper()
	client, err := broker.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

type accessTest struct {
	cfg  broker.Config
	want string // part of the advice; "" if it works
}

// testAccess runs on the embedded broker, and on a real Kafka.
func testAccess(t *testing.T, g guarded) {
	trusting := g.tls(t, broker.TLSFiles{})
	client, stranger := g.authority.Issue(t, "client"), g.other.Issue(t, "stranger")
	wrong := broker.Credentials{Mechanism: broker.ScramSHA256, Username: user, Password: "wrong-horse"}
	unknown := broker.Credentials{Mechanism: broker.ScramSHA256, Username: "nobody", Password: password}
	tests := map[string]accessTest{
		"Plain":             {broker.Config{Brokers: []string{g.plain}}, ""},
		"TLSAndPLAIN":       {broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: credentials(broker.Plain)}, ""},
		"TLSAndSCRAM256":    {broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: credentials(broker.ScramSHA256)}, ""},
		"TLSAndSCRAM512":    {broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: credentials(broker.ScramSHA512)}, ""},
		"SCRAMWithoutTLS":   {broker.Config{Brokers: []string{g.signed}, Credentials: credentials(broker.ScramSHA256)}, ""},
		"ClientCertificate": {broker.Config{Brokers: []string{g.mutual}, TLS: g.tls(t, broker.TLSFiles{Cert: client.Cert, Key: client.Key})}, ""},

		"WrongPassword":      {broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: &wrong}, "check both"},
		"UnknownUser":        {broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: &unknown}, "check both"},
		"NoSignIn":           {broker.Config{Brokers: []string{g.secure}, TLS: trusting}, "may want a sign-in"},
		"NoSignInWithoutTLS": {broker.Config{Brokers: []string{g.signed}}, "may want a sign-in"},
		"UnknownAuthority": {broker.Config{Brokers: []string{g.secure}, TLS: g.tls(t, broker.TLSFiles{CA: g.other.File}),
			Credentials: credentials(broker.Plain)}, "set the file with the certificate of that authority"},
		"WrongHost": {broker.Config{Brokers: []string{strings.Replace(g.secure, "127.0.0.1", "localhost", 1)}, TLS: trusting,
			Credentials: credentials(broker.Plain)}, "not valid for the broker's host name"},
		"PlainClientOnTLSPort": {broker.Config{Brokers: []string{g.secure}, Credentials: credentials(broker.ScramSHA256)}, "turn TLS on"},
		"NoClientCertificate":  {broker.Config{Brokers: []string{g.mutual}, TLS: trusting}, clientRefused},
		"StrangeClient": {broker.Config{Brokers: []string{g.mutual}, TLS: g.tls(t, broker.TLSFiles{Cert: stranger.Cert, Key: stranger.Key})},
			clientRefused},
	}
	if g.embedded {
		tests["ExpiredCertificate"] = accessTest{broker.Config{Brokers: []string{g.expired}, TLS: trusting}, "has expired"}
	} else { // the embedded broker waits for the rest of what it takes for a request, or gives no reason
		tests["TLSClientOnPlainPort"] = accessTest{broker.Config{Brokers: []string{g.plain}, TLS: trusting}, "turn TLS off"}
		tests["SignInNotWanted"] = accessTest{broker.Config{Brokers: []string{g.plain}, Credentials: credentials(broker.Plain)}, "remove the SASL settings"}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := open(t, tt.cfg).Ping(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if advice := broker.Advice(err); !strings.Contains(advice, tt.want) || strings.Contains(advice, "\n") {
				t.Errorf("the advice is %q, want one sentence with %q; the error is %v", advice, tt.want, err)
			}
			if text := fmt.Sprint(err); strings.Contains(text, password) || strings.Contains(text, wrong.Password) {
				t.Errorf("the password is shown: %s", text)
			}
		})
	}
	t.Run("Reuse", func(t *testing.T) {
		t.Parallel()
		requestsShareAConnection(t, broker.Config{Brokers: []string{g.mutual}, TLS: g.tls(t, broker.TLSFiles{Cert: client.Cert, Key: client.Key})})
	})
	t.Run("Produce", func(t *testing.T) {
		t.Parallel()
		produceAndRead(t, open(t, broker.Config{Brokers: []string{g.secure}, TLS: trusting, Credentials: credentials(broker.ScramSHA512)}))
	})
}

// TLS may send bytes of its own. They must not make a connection look as if the broker had closed it.
func requestsShareAConnection(t *testing.T, cfg broker.Config) {
	t.Helper()
	dials := 0
	cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	client := open(t, cfg)
	for range 20 {
		if err := client.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections for requests one after the other", dials)
	}
}

// produceAndRead writes more than fits into one record of TLS, and reads it again.
func produceAndRead(t *testing.T, client *broker.Client) {
	t.Helper()
	tp := broker.TopicPartition{Topic: "guarded"}
	if err := client.EnsureTopic(t.Context(), broker.TopicSpec{Name: tp.Topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	id, err := client.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	value := slices.Repeat([]byte("0123456789"), 50_000)
	batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id}, 0, []broker.Record{{Key: []byte("k"), Value: value, Time: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "it is written", func() bool { return client.Produce(t.Context(), []*broker.Batch{batch})[0].Err == nil })
	records, _, _, err := client.Read(t.Context(), tp, 0)
	if err != nil || len(records) != 1 || !slices.Equal(records[0].Value, value) {
		t.Errorf("read %d records, %v", len(records), err)
	}
}

func TestAccessToEmbeddedBroker(t *testing.T) {
	t.Parallel()
	g := guarded{embedded: true, authority: certificate.NewAuthority(t), other: certificate.NewAuthority(t)}
	server, err := tls.LoadX509KeyPair(pair(g.authority.Issue(t, "broker", "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(g.authority.File)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(text)
	var users []embeddedbroker.User
	for _, mechanism := range broker.Mechanisms() {
		users = append(users, embeddedbroker.User{Mechanism: mechanism, Name: user, Password: password})
	}
	expired, err := tls.LoadX509KeyPair(pair(g.authority.IssueExpired(t, "old", "127.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	start := func(options embeddedbroker.Options) string {
		b, err := embeddedbroker.Start(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Stop(t.Context()) })
		return b.Addr()
	}
	one := &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS12}
	both := one.Clone()
	both.ClientAuth, both.ClientCAs = tls.RequireAndVerifyClientCert, clients
	g.plain, g.signed = start(embeddedbroker.Options{}), start(embeddedbroker.Options{Users: users})
	g.secure, g.mutual = start(embeddedbroker.Options{TLS: one, Users: users}), start(embeddedbroker.Options{TLS: both})
	g.expired = start(embeddedbroker.Options{TLS: &tls.Config{Certificates: []tls.Certificate{expired}, MinVersion: tls.VersionTLS12}})
	testAccess(t, g)
}

func pair(p certificate.Pair) (cert, key string) { return p.Cert, p.Key }

// The name of an error code comes from a list, so anyone may read it.
func TestErrorName(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":                           errors.New("dial kafka.example:9092"),
		"Topic Authorization Failed": fmt.Errorf("topic secret: %w", kafka.TopicAuthorizationFailed),
		"code 9999":                  kafka.Error(9999),
	} {
		if got := broker.ErrorName(err); got != want {
			t.Errorf("of %v: %q, want %q", err, got, want)
		}
	}
}
