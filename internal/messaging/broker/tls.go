package broker

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// TLSFiles names files in PEM format.
type TLSFiles struct {
	CA   string // certificates of the authorities that sign the brokers' certificates; "" means those of the system
	Cert string // the client's certificate, with intermediate ones; "" means none
	Key  string // the private key of Cert, not encrypted
}

// LoadTLS reads the files for Config.TLS. The certificate of the client is read again for each connection, so that a renewed
// one is used without a restart.
func LoadTLS(files TLSFiles) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if files.CA != "" {
		text, err := os.ReadFile(files.CA)
		if err != nil {
			return nil, fmt.Errorf("read the authority's certificate: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificate in PEM format", files.CA)
		}
	}
	if (files.Cert == "") != (files.Key == "") {
		return nil, errors.New("the client's certificate and its key are only useful together")
	}
	if files.Cert == "" {
		return cfg, nil
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client's certificate: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return cfg, nil
}

// encrypt makes a TLS connection to the broker at address of a plain one.
func encrypt(ctx context.Context, raw net.Conn, address string, cfg *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	cfg.ServerName = host
	c := tls.Client(raw, cfg)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tlsConn{c}, nil
}

// tlsConn closes the connection without TLS's closing message. A broker that hangs could delay that message by five
// seconds, and the pool waits for Close while it is locked. Nothing is lost: each of Kafka's messages has its length.
type tlsConn struct{ *tls.Conn }

// Close implements net.Conn.
func (c tlsConn) Close() error { return c.NetConn().Close() }

// plainConn keeps the first bytes from the broker, so that adviceOnAnswer can tell an answer in TLS from one in Kafka's
// protocol.
type plainConn struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (c *plainConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if missing := len(tlsAlert) - len(c.first); missing > 0 {
		c.first = append(c.first, b[:min(n, missing)]...)
	}
	return n, err
}

// tlsAlert begins a record of TLS that refuses the connection: the type of the record, and the major version of TLS.
var tlsAlert = []byte{0x15, 0x03} //nolint:gochecknoglobals // a constant

// adviceOnAnswer returns what to do if the broker answered in TLS, or "".
func (c *plainConn) adviceOnAnswer() string {
	if bytes.Equal(c.first, tlsAlert) {
		return adviceIsTLS
	}
	return ""
}
