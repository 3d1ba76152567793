package kafkaprocess

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// Secured adds listeners with TLS and SASL to a broker. New sets the addresses. The users may sign in with PLAIN,
// SCRAM-SHA-256 and SCRAM-SHA-512.
type Secured struct {
	Certificate string // a file with the broker's key and certificate
	Authority   string // a file with the authority of the clients' certificates
	Users       []User
	Reauthorize time.Duration // how long a sign-in with SCRAM-SHA-512 is valid at SignedAddr

	SecureAddr string // TLS and SASL
	SignedAddr string // SASL without TLS
	MutualAddr string // TLS, with a client certificate
}

// User may sign in.
type User struct{ Name, Password string }

// at sets the addresses. They have the host "127.0.0.1", which the certificate must name.
func (s *Secured) at(ports []int) *Secured {
	if s == nil {
		return nil
	}
	for i, addr := range []*string{&s.SecureAddr, &s.SignedAddr, &s.MutualAddr} {
		*addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[i]))
	}
	return s
}

// ReauthorizeMillis is for the template of the settings.
func (s *Secured) ReauthorizeMillis() int64 { return s.Reauthorize.Milliseconds() }

// scramUsers returns the arguments that create the users when the storage is formatted. PLAIN has its users in the settings.
func (s *Secured) scramUsers() (args []string) {
	if s == nil {
		return nil
	}
	for _, u := range s.Users {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, u.Name, u.Password))
		}
	}
	return args
}
