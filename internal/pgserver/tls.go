package pgserver

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// TLS makes the server accept only connections with TLS.
type TLS struct {
	Certificate, Key string // files in PEM format; the server gets copies
	Authority        string // the file with the certificate of the authority; the URLs name it
}

// The server's copies of the files, in its data folder, and its rule who may connect.
const (
	serverCertificate = "monsplit.crt"
	serverKey         = "monsplit.key"
	onlyTLS           = "monsplit_hba.conf"
)

// installTLS copies the files into the data folder. PostgreSQL refuses a key that other users can read.
func (s *Server) installTLS(account account) error {
	if s.opts.TLS == nil {
		return nil
	}
	certificate, errCertificate := os.ReadFile(s.opts.TLS.Certificate)
	key, errKey := os.ReadFile(s.opts.TLS.Key)
	if err := errors.Join(errCertificate, errKey); err != nil {
		return fmt.Errorf("read the server's certificate: %w", err)
	}
	method := "scram-sha-256"
	if s.opts.Trust {
		method = "trust"
	}
	for name, text := range map[string][]byte{serverCertificate: certificate, serverKey: key,
		onlyTLS: []byte("hostssl all all 127.0.0.1/32 " + method + "\n")} {
		path := filepath.Join(s.opts.DataDir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		if err := account.give(path); err != nil {
			return err
		}
	}
	return nil
}

// tlsSettings returns the server's settings for TLS.
func (s *Server) tlsSettings() map[string]string {
	if s.opts.TLS == nil {
		return nil
	}
	return map[string]string{"ssl": "on", "ssl_cert_file": serverCertificate, "ssl_key_file": serverKey,
		"hba_file": filepath.Join(s.opts.DataDir, onlyTLS)}
}

// tlsParameters returns the parameters of the URLs.
func (s *Server) tlsParameters() string {
	if s.opts.TLS == nil {
		return "sslmode=disable"
	}
	return url.Values{"sslmode": {"verify-full"}, "sslrootcert": {s.opts.TLS.Authority}}.Encode()
}
