package serviceframe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/certificate"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A service that starts does not wait for a database whose certificate it cannot trust: that would look like a slow start.
func TestMigrateReportsARefusalAtOnce(t *testing.T) {
	t.Parallel()
	authority, other := certificate.NewAuthority(t), certificate.NewAuthority(t)
	issued := authority.Issue(t, "server", "127.0.0.1")
	server := pgtest.NewTLSServer(t, pgserver.TLS{Certificate: issued.Cert, Key: issued.Key, Authority: authority.File})
	untrusting := strings.Replace(server.NewURL(), url.QueryEscape(authority.File), url.QueryEscape(other.File), 1)
	cfg := config.Common{Database: postgres.Settings{URL: untrusting}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := (Spec{}).Migrate(ctx, cfg, slog.New(slog.DiscardHandler)); !strings.Contains(pgtx.Refusal(err), "sslrootcert") {
		t.Errorf("ended with %v", err)
	}
}

// /readyz says what to do when Kafka refuses the service, and names nobody.
func TestTheKafkaCheckSaysWhatToDo(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	issued := authority.Issue(t, "broker", "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(issued.Cert, issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	kafka, err := embeddedbroker.Start(t.Context(), embeddedbroker.Options{
		TLS:   &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		Users: []embeddedbroker.User{{Mechanism: broker.ScramSHA512, Name: "somebody", Password: "swordfish"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Stop(t.Context()) })
	right := config.KafkaAccess{TLS: true, CA: authority.File, Mechanism: broker.ScramSHA512, Username: "somebody", Password: "swordfish"}
	wrongPassword, wrongAuthority := right, right
	wrongPassword.Password, wrongAuthority.CA = "trout", certificate.NewAuthority(t).File
	for name, tt := range map[string]struct {
		access config.KafkaAccess
		want   string
	}{
		"Right": {right, ""}, "WrongPassword": {wrongPassword, "refuses the user name or the password"},
		"WrongAuthority": {wrongAuthority, "an authority that is not trusted"}, "WithoutTLS": {config.KafkaAccess{}, "turn TLS on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := slog.New(slog.DiscardHandler)
			client, err := connect(Spec{Name: "shop"}, config.Common{Kafka: config.Kafka{Brokers: []string{kafka.Addr()}, Access: tt.access}}, log)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			err = newTeller(log).ask("kafka", func(ctx context.Context) finding { return found("", client.Ping(ctx)) })(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "somebody") || strings.Contains(err.Error(), kafka.Addr()) {
				t.Errorf("/readyz says %v, want %q", err, tt.want)
			}
		})
	}
}
