package postgres_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/certificate"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// secured is a server that accepts only TLS. Its certificate names 127.0.0.1 alone.
func secured(t *testing.T) (server *url.URL, other *certificate.Authority) {
	t.Helper()
	authority := certificate.NewAuthority(t)
	issued := authority.Issue(t, "server", "127.0.0.1")
	s := pgtest.NewTLSServer(t, pgserver.TLS{Certificate: issued.Cert, Key: issued.Key, Authority: authority.File})
	return parse(t, s.NewURL()), certificate.NewAuthority(t)
}

func parse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// with returns the URL with another parameter. An empty value removes it.
func with(u url.URL, name, value string) url.URL {
	query := u.Query()
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u
}

// Each refusal is one sentence that says what to do, and that names nobody.
func TestTLS(t *testing.T) {
	t.Parallel()
	server, other := secured(t)
	wrongPassword, wrongHost := *server, *server
	wrongPassword.User = url.UserPassword(server.User.Username(), "swordfish")
	wrongHost.Host = strings.Replace(server.Host, "127.0.0.1", "localhost", 1)
	tests := map[string]struct {
		url  url.URL
		want string // part of the refusal; "" if it works
	}{
		"VerifyFull":     {*server, ""},
		"VerifyCA":       {with(wrongHost, "sslmode", "verify-ca"), ""}, // it does not compare the host
		"WithoutSSLMode": {with(with(*server, "sslmode", ""), "sslrootcert", ""), ""},

		"WrongPassword":        {wrongPassword, "check both in the URL"},
		"UnknownAuthority":     {with(*server, "sslrootcert", other.File), "as sslrootcert in the URL"},
		"UnknownToVerifyCA":    {with(with(*server, "sslrootcert", other.File), "sslmode", "verify-ca"), "as sslrootcert in the URL"},
		"UnknownToSystem":      {with(*server, "sslrootcert", "system"), "as sslrootcert in the URL"},
		"WrongHost":            {wrongHost, "not valid for the host in the URL"},
		"PlainClientOnTLSPort": {with(*server, "sslmode", "disable"), "add sslmode=verify-full"},
		"TLSClientOnPlainPort": {with(*parse(t, pgtest.NewURL(t)), "sslmode", "require"), "does not speak TLS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := postgres.Open(t.Context(), postgres.Config{URL: tt.url.String()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			err = pool.Ping(t.Context())
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusal := pgtx.Refusal(err)
			if !strings.Contains(refusal, tt.want) || strings.Contains(refusal, "\n") || pgtx.Brief(err) != refusal {
				t.Errorf("refused with %q, want one sentence with %q; the error is %v", refusal, tt.want, err)
			}
			for _, secret := range []string{tt.url.Hostname(), tt.url.User.Username(), strings.TrimPrefix(tt.url.Path, "/")} {
				if strings.Contains(refusal, secret) {
					t.Errorf("%q names %s", refusal, secret)
				}
			}
			if password, _ := tt.url.User.Password(); password != "" && strings.Contains(err.Error(), password) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
}

// pretend returns the URL of a server that does nothing but TLS.
func pretend(t *testing.T, authority *certificate.Authority, issued certificate.Pair, client tls.ClientAuthType) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(issued.Cert, issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: client, MinVersion: tls.VersionTLS12}
	serve := func(conn net.Conn) {
		defer conn.Close()
		var request [8]byte // SSLRequest (PostgreSQL manual, "Message Formats")
		if _, err := io.ReadFull(conn, request[:]); err != nil {
			return
		}
		if _, err := conn.Write([]byte{'S'}); err != nil {
			return
		}
		secured := tls.Server(conn, cfg)
		if secured.HandshakeContext(t.Context()) == nil {
			_, _ = io.Copy(io.Discard, secured)
		}
	}
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go serve(conn)
		}
	}()
	parameters := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {authority.File}}
	return "postgres://somebody@" + listener.Addr().String() + "/none?" + parameters.Encode()
}

func TestRefusedCertificates(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	for want, text := range map[string]string{
		"has expired":           pretend(t, authority, authority.IssueExpired(t, "old", "127.0.0.1"), tls.NoClientCert),
		"as sslcert and sslkey": pretend(t, authority, authority.Issue(t, "server", "127.0.0.1"), tls.RequireAnyClientCert),
	} {
		conn, err := pgx.Connect(t.Context(), text)
		if err == nil {
			_ = conn.Close(t.Context())
		}
		if got := pgtx.Refusal(err); !strings.Contains(got, want) {
			t.Errorf("refused with %q, want %q; the error is %v", got, want, err)
		}
	}
}

// All connections of a pool are encrypted, and so are those that are made from its configuration, as the relay's.
func TestSessionsUseTLS(t *testing.T) {
	t.Parallel()
	server, _ := secured(t)
	pool, err := postgres.Open(t.Context(), postgres.Config{URL: server.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	alone, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig.Copy())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alone.Close(t.Context()) })
	const isEncrypted = `SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
	for name, row := range map[string]pgx.Row{"pool": pool.QueryRow(t.Context(), isEncrypted), "alone": alone.QueryRow(t.Context(), isEncrypted)} {
		var encrypted bool
		if err := row.Scan(&encrypted); err != nil || !encrypted {
			t.Errorf("%s: encrypted %t, %v", name, encrypted, err)
		}
	}
}

func TestParametersOfTheURLAreChecked(t *testing.T) {
	t.Parallel()
	for parameters, want := range map[string]string{
		"": "", "?sslmode=verify-full": "", "?sslrootcert=system": "",
		"?sslmode=verify-all":                           "sslmode is invalid",
		"?sslmode=verify-full&sslrootcert=/missing.pem": "/missing.pem: no such file",
		"?sslcert=/a.pem":                               `both "sslcert" and "sslkey" are required`,
		"?connect_timeout=soon":                         "parameters",
	} {
		var fault string
		settings := postgres.Settings{URL: "postgres://me:hush@db/monolith" + parameters, MaxConns: 16, ConnectionWait: time.Second, LockTimeout: time.Second, ListTimeout: time.Second}
		settings.Validate(func(ok bool, variable, detail string, args ...any) {
			if !ok {
				fault += variable + " " + fmt.Sprintf(detail, args...)
			}
		})
		if (want == "") != (fault == "") || !strings.Contains(fault, want) || strings.Contains(fault, "hush") {
			t.Errorf("%s: the fault is %q, want %q", parameters, fault, want)
		}
	}
}
