package pgtx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SessionFault says why a session that was opened cannot be used, and what to do. It names no user, no database and no host.
type SessionFault struct{ Advice string }

// Error implements error.
func (f *SessionFault) Error() string { return f.Advice }

// AdviceDirectURL is the advice when a pooler is where a session of the server's own is needed.
const AdviceDirectURL = "the URL leads through a connection pooler such as PgBouncer, but relay, consumer, migrations and commands need sessions of " +
	"their own: let DATABASE_DIRECT_URL lead straight to PostgreSQL; DATABASE_URL may then lead through the pooler"

// Refusal returns one sentence that says why no session could be opened and what to do, or "". It is about what a person has
// to change: the password, the certificates or TLS. It names no user, no database and no host, so anyone may read it.
func Refusal(err error) string {
	failed, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return ""
	}
	if fault, ok := errors.AsType[*SessionFault](err); ok {
		return fault.Advice
	}
	switch SQLState(err) {
	case "":
		return refusedTLS(err)
	case "28P01": // invalid_password
		return "the database refuses the user name or the password: check both in the URL (SQLSTATE 28P01)"
	case "28000": // invalid_authorization_specification: pg_hba.conf has no line that lets the session in
		if failed.Config.TLSConfig == nil {
			return "the database refuses the session, which is without TLS: add sslmode=verify-full to the URL, or check the user name and pg_hba.conf (SQLSTATE 28000)"
		}
		return "the database refuses the session of this user from this host: check the user name, the client certificate and pg_hba.conf (SQLSTATE 28000)"
	case "08P01": // protocol_violation: PgBouncer refuses the settings of a session
		if strings.Contains(err.Error(), "unsupported startup parameter") {
			return AdviceDirectURL + ", without settings such as statement_timeout among its parameters (SQLSTATE 08P01)"
		}
		return ""
	default:
		return ""
	}
}

func refusedTLS(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the database's certificate is signed by an authority that is not trusted: name the file with the certificate of that authority as sslrootcert in the URL"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the database's certificate is not valid for the host in the URL: use a name that the certificate has, or renew the certificate"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "the database's certificate has expired or is not valid yet: renew it, or correct the clock"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the database's certificate cannot be used: renew it"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert of TLS
		return "the database refuses the TLS connection: if it asks for a client certificate, name one that it trusts as sslcert and sslkey in the URL"
	}
	if strings.Contains(err.Error(), "server refused TLS connection") { // the driver has no type for it
		return "the database does not speak TLS: turn TLS on at the server, or set sslmode=disable in the URL if the network is safe"
	}
	return ""
}
