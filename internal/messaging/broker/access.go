package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// AccessError reports that a broker and this client do not agree about TLS, certificates or the sign-in. A person has to
// change a setting. The client tries again nevertheless, because the setting may be one of the broker.
type AccessError struct {
	// Advice is one sentence that says what is wrong and what to do. It names no user and no host, so anyone may read it.
	Advice string
	Err    error
}

// Error implements error.
func (e *AccessError) Error() string { return e.Advice + " (" + e.Err.Error() + ")" }

// Unwrap returns the cause.
func (e *AccessError) Unwrap() error { return e.Err }

// The advice for each kind of AccessError.
const (
	adviceCredentials  = "the broker refuses the user name or the password: check both, and the SASL mechanism that the user was created for"
	adviceMechanism    = "the broker does not offer this SASL mechanism: set one that it offers"
	adviceNoSASL       = "the broker does not take a sign-in on this port: remove the SASL settings, or use the port of a listener with SASL"
	adviceImpostor     = "the broker does not know the password either, so it is not the broker of this user: check its address"
	adviceAuthority    = "the broker's certificate is signed by an authority that is not trusted: set the file with the certificate of that authority"
	adviceHostName     = "the broker's certificate is not valid for the broker's host name: use a name that the certificate has, in the addresses and in the broker's advertised.listeners, or renew the certificate"
	adviceDates        = "the broker's certificate has expired or is not valid yet: renew it, or correct the clock"
	adviceCertificate  = "the broker's certificate cannot be used: renew it"
	adviceClientRefuse = "the broker refuses the TLS connection: if it asks for a client certificate, set one that it trusts"
	adviceNotTLS       = "the broker does not answer in TLS: turn TLS off, or use the port of a listener with TLS"
	adviceIsTLS        = "the broker answers in TLS: turn TLS on, or use the port of a listener without TLS"
	adviceClosedTLS    = "the broker closed the connection at the start of TLS: unless it is stopping, turn TLS off, or use the port of a listener with TLS"
	adviceClosedPlain  = "the broker closed the connection at its start: unless it is stopping, turn TLS on, or use the port of a listener without TLS"
	adviceSignIn       = "the broker closed the connection at the first request: unless it is stopping, it may want a sign-in, so set the SASL mechanism, the user name and the password"
)

// Advice returns the sentence of an AccessError in err, or "". It names no user and no host.
func Advice(err error) string {
	if e, ok := errors.AsType[*AccessError](err); ok {
		return e.Advice
	}
	return ""
}

// ErrorName returns the name of Kafka's error code in err, or "" if err has none. Kafka's documentation has a list of them, so
// anyone may read it.
func ErrorName(err error) string {
	code, ok := errors.AsType[kafka.Error](err)
	if !ok {
		return ""
	}
	return cmp.Or(code.Title(), "code "+strconv.Itoa(int(code)))
}

// adviceOnTLS returns what to do about an error of the TLS handshake, or "" if the error says nothing about TLS.
func adviceOnTLS(err error) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return adviceAuthority
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return adviceHostName
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return adviceDates
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return adviceCertificate
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return adviceNotTLS
	}
	return adviceOnAlert(err)
}

// adviceOnAlert returns what to do about an alert of TLS. With TLS 1.3, a broker that refuses the client's certificate says
// so after the handshake, in place of its first response.
func adviceOnAlert(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // so crypto/tls calls an alert
		return adviceClientRefuse
	}
	return ""
}

// endedByBroker reports whether the broker ended the connection instead of answering.
func endedByBroker(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// prepare does what a new connection needs before its first request: TLS, the versions of the requests, the sign-in.
func (p *connPool) prepare(ctx context.Context, raw net.Conn, address string) (*conn, error) {
	if p.cfg.TLS != nil {
		secured, err := encrypt(ctx, raw, address, p.cfg.TLS)
		if err != nil {
			return nil, withAdvice(cmp.Or(adviceOnTLS(err), p.adviceIfClosed(err, adviceClosedTLS)), err)
		}
		c, err := negotiate(protocol.NewConn(secured, p.cfg.ClientID))
		if err != nil {
			return nil, withAdvice(cmp.Or(adviceOnAlert(err), p.adviceIfClosed(err, adviceClientRefuse)), err)
		}
		return c, p.signIn(ctx, c, address)
	}
	plain := &plainConn{Conn: raw}
	c, err := negotiate(protocol.NewConn(plain, p.cfg.ClientID))
	if err != nil {
		return nil, withAdvice(cmp.Or(plain.adviceOnAnswer(), p.adviceIfClosed(err, adviceClosedPlain)), err)
	}
	return c, p.signIn(ctx, c, address)
}

// adviceIfClosed returns the advice if the broker closed the connection instead of answering. A broker that wants TLS or a
// sign-in does so, but a broker that stops, too. So there is no advice if any broker has answered before.
func (p *connPool) adviceIfClosed(err error, advice string) string {
	if p.answered.Load() || !endedByBroker(err) {
		return ""
	}
	return advice
}

// explain adds advice to the error of a request. A broker that wants a sign-in answers the question for versions without
// one, and closes the connection at the next request.
func (p *connPool) explain(err error) error {
	if p.mechanism != nil {
		return err
	}
	return withAdvice(p.adviceIfClosed(err, adviceSignIn), err)
}

// withAdvice returns err as an AccessError, or as it is if there is no advice.
func withAdvice(advice string, err error) error {
	if advice == "" {
		return err
	}
	return &AccessError{Advice: advice, Err: err}
}
