// Package certificate makes authorities and certificates for tests of TLS.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	File string // its own certificate, in PEM format

	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Pair is the files of a certificate and its key, in PEM format.
type Pair struct {
	Cert, Key string
	Both      string // one file with the key, then the certificate, as Kafka wants it
}

// NewAuthority returns a new authority. Its files are removed at the end of the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	dir := t.TempDir()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	key := newKey(t)
	a := &Authority{dir: dir, key: key, File: filepath.Join(dir, "authority.pem")}
	der := sign(t, template, template, key, key)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a.cert = cert
	write(t, a.File, block("CERTIFICATE", der))
	return a
}

// Issue returns a certificate for a server at the hosts, which are names or IP addresses, or for a client of the name.
func (a *Authority) Issue(t testing.TB, name string, hosts ...string) Pair {
	t.Helper()
	return a.issue(t, name, time.Now().Add(time.Hour), hosts)
}

// IssueExpired returns a certificate that has expired.
func (a *Authority) IssueExpired(t testing.TB, name string, hosts ...string) Pair {
	t.Helper()
	return a.issue(t, name, time.Now().Add(-time.Minute), hosts)
}

func (a *Authority) issue(t testing.TB, name string, end time.Time, hosts []string) Pair {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: end,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key := newKey(t)
	cert := block("CERTIFICATE", sign(t, template, a.cert, key, a.key))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(a.dir, name+"-"+rand.Text()[:6])
	pair := Pair{Cert: base + ".pem", Key: base + ".key", Both: base + ".both"}
	write(t, pair.Cert, cert)
	write(t, pair.Key, block("PRIVATE KEY", der))
	write(t, pair.Both, append(block("PRIVATE KEY", der), cert...))
	return pair
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
