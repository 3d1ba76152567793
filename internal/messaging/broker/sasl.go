package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Credentials sign in to Kafka.
type Credentials struct {
	Mechanism string // one of Mechanisms
	Username  string
	Password  string
}

// String hides the password.
func (c Credentials) String() string { return c.Mechanism + " " + c.Username }

// GoString hides the password.
func (c Credentials) GoString() string { return c.String() }

// The SASL mechanisms. With Plain the broker learns the password, and without TLS so does everyone on the way.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Mechanisms returns the SASL mechanisms that this client has.
func Mechanisms() []string { return []string{Plain, ScramSHA256, ScramSHA512} }

// mechanism checks the credentials, and returns what signs in with them.
func (c Credentials) mechanism() (sasl.Mechanism, error) {
	if c.Username == "" || c.Password == "" {
		return nil, fmt.Errorf("SASL needs a user name and a password")
	}
	auth := scram.Auth{User: c.Username, Pass: c.Password}
	switch c.Mechanism {
	case Plain:
		return plain.Auth{User: c.Username, Pass: c.Password}.AsMechanism(), nil
	case ScramSHA256:
		return auth.AsSha256Mechanism(), nil
	case ScramSHA512:
		return auth.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("the SASL mechanism %q is not one of %s", c.Mechanism, strings.Join(Mechanisms(), ", "))
	}
}

// signIn authenticates a new connection, before any other request.
//
//	SaslHandshake: the mechanism ─► SaslAuthenticate: what the mechanism says, until it is done
func (p *connPool) signIn(ctx context.Context, c *conn, address string) error {
	m, clientID := p.mechanism, p.cfg.ClientID
	if m == nil {
		return nil
	}
	if err := c.chooseMechanism(clientID, m.Name()); err != nil {
		return err
	}
	session, message, err := m.Authenticate(ctx, address)
	for done := false; err == nil && !done; {
		var answer *kmsg.SASLAuthenticateResponse
		sent := time.Now() // the broker counts from later on
		if answer, err = c.authenticate(clientID, message); err != nil {
			return withAdvice(p.adviceIfClosed(err, adviceCredentials), err) // some brokers give no reason
		}
		done, message, err = session.Challenge(answer.SASLAuthBytes)
		if done && answer.SessionLifetimeMillis > 0 {
			c.signInAgain = sent.Add(time.Duration(answer.SessionLifetimeMillis) * time.Millisecond * 4 / 5)
		}
	}
	if err != nil {
		// With SCRAM the broker proves that it knows the user, too.
		return withAdvice(adviceImpostor, fmt.Errorf("SASL %s: %w", m.Name(), err))
	}
	return nil
}

func (c *conn) chooseMechanism(clientID, name string) error {
	request := kmsg.NewPtrSASLHandshakeRequest()
	request.Version, request.Mechanism = 1, name // from 1 on, SaslAuthenticate follows
	answer, err := c.exchange(request, clientID)
	if err != nil {
		return fmt.Errorf("SASL %s: %w", name, err)
	}
	response := answer.(*kmsg.SASLHandshakeResponse)
	switch code := kafka.Error(response.ErrorCode); code {
	case 0:
		return nil
	case kafka.UnsupportedSASLMechanism:
		slices.Sort(response.SupportedMechanisms)
		return withAdvice(adviceMechanism, fmt.Errorf("%s is not one of %s", name, strings.Join(response.SupportedMechanisms, ", ")))
	case kafka.IllegalSASLState:
		return withAdvice(adviceNoSASL, fmt.Errorf("SASL %s: %w", name, code))
	default:
		return fmt.Errorf("SASL %s: %w", name, code)
	}
}

func (c *conn) authenticate(clientID string, message []byte) (*kmsg.SASLAuthenticateResponse, error) {
	request := kmsg.NewPtrSASLAuthenticateRequest()
	request.Version, request.SASLAuthBytes = 1, message // from 1 on, the broker tells how long the sign-in is valid
	answer, err := c.exchange(request, clientID)
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.SASLAuthenticateResponse)
	if response.ErrorCode == 0 {
		return response, nil
	}
	err = kafka.Error(response.ErrorCode)
	if text := response.ErrorMessage; text != nil && *text != "" {
		err = fmt.Errorf("%s: %w", *text, err)
	}
	if kafka.Error(response.ErrorCode) == kafka.SASLAuthenticationFailed {
		err = withAdvice(adviceCredentials, err)
	}
	return nil, err
}
