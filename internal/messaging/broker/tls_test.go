package broker //nolint:testpackage // encrypt is not exported

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/certificate"
)

// A broker that hangs must not delay the pool: closing a connection sends nothing, and so waits for nothing.
func TestCloseDoesNotWaitForTheBroker(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	issued := authority.Issue(t, "broker", "127.0.0.1")
	server, err := tls.LoadX509KeyPair(issued.Cert, issued.Key)
	if err != nil {
		t.Fatal(err)
	}
	trusting, err := LoadTLS(TLSFiles{CA: authority.File})
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe() // a pipe has no buffer: a write waits for its reader
	t.Cleanup(func() { theirs.Close() })
	go func() {
		cfg := &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS12}
		_ = tls.Server(theirs, cfg).HandshakeContext(t.Context())
	}()
	secured, err := encrypt(t.Context(), ours, "127.0.0.1:9092", trusting)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	_ = secured.Close()
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("Close took %s", took)
	}
}

func TestLoadTLSRefuses(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	one, other := authority.Issue(t, "one"), authority.Issue(t, "other")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		files TLSFiles
		want  string
	}{
		"MissingCA":   {TLSFiles{CA: empty + ".missing"}, "no such file"},
		"EmptyCA":     {TLSFiles{CA: empty}, "has no certificate in PEM format"},
		"CertAlone":   {TLSFiles{Cert: one.Cert}, "only useful together"},
		"KeyAlone":    {TLSFiles{Key: one.Key}, "only useful together"},
		"OtherKey":    {TLSFiles{Cert: one.Cert, Key: other.Key}, "private key does not match"},
		"MissingCert": {TLSFiles{Cert: empty + ".missing", Key: one.Key}, "no such file"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := LoadTLS(tt.files); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// A certificate that was renewed is used for the next connection, without a restart.
func TestClientCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	old, renewed := authority.Issue(t, "client"), authority.Issue(t, "client")
	cfg, err := LoadTLS(TLSFiles{Cert: old.Cert, Key: old.Key})
	if err != nil {
		t.Fatal(err)
	}
	before, err := cfg.GetClientCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{renewed.Cert: old.Cert, renewed.Key: old.Key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	after, err := cfg.GetClientCertificate(nil)
	if err != nil || after.Leaf.SerialNumber.Cmp(before.Leaf.SerialNumber) == 0 {
		t.Errorf("the old certificate is used (%v)", err)
	}
}

func TestCredentialsAreCheckedAndHidden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Credentials{
		"NoUser": {Plain, "", "secret"}, "NoPassword": {Plain, "me", ""}, "NoMechanism": {"", "me", "secret"}, "GSSAPI": {"GSSAPI", "me", "secret"},
	} {
		if _, err := New(Config{Brokers: []string{"localhost:9092"}, Credentials: &c}, nil); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	c := Credentials{Plain, "me", "secret"}
	if text := fmt.Sprintf("%v %+v %#v %s", c, c, c, &c); strings.Contains(text, "secret") {
		t.Errorf("the password is shown: %s", text)
	}
}
