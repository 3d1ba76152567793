package config

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// KafkaAccess says how the service proves itself to Kafka, and Kafka to the service.
type KafkaAccess struct {
	TLS       bool   `env:"KAFKA_TLS" envDefault:"false" about:"whether to encrypt connections to Kafka: true or false. Each broker's certificate must be valid for its host name"`
	CA        string `env:"KAFKA_TLS_CA" about:"file with the certificates (PEM) of the authorities that sign the brokers' certificates. Without it, the authorities of the system are trusted. It is read at start"`
	Cert      string `env:"KAFKA_TLS_CERT" about:"file with the service's own certificate (PEM), if the brokers ask for one. It is read for each connection, so it may be renewed at any time"`
	Key       string `env:"KAFKA_TLS_KEY" about:"file with the private key (PEM, not encrypted) of KAFKA_TLS_CERT"`
	Mechanism string `env:"KAFKA_SASL_MECHANISM" about:"how to sign in to Kafka: PLAIN (only with KAFKA_TLS=true), SCRAM-SHA-256 or SCRAM-SHA-512. Without it, the service does not sign in"`
	Username  string `env:"KAFKA_SASL_USERNAME" about:"the user to sign in to Kafka as"`
	Password  string `env:"KAFKA_SASL_PASSWORD" about:"the password of KAFKA_SASL_USERNAME" secret:"all"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (a KafkaAccess) Validate(must func(ok bool, variable, detail string, args ...any)) {
	for variable, file := range map[string]string{"KAFKA_TLS_CA": a.CA, "KAFKA_TLS_CERT": a.Cert, "KAFKA_TLS_KEY": a.Key} {
		must(a.TLS || file == "", variable, "has no effect without KAFKA_TLS=true")
	}
	if a.TLS {
		_, err := broker.LoadTLS(broker.TLSFiles{CA: a.CA})
		must(err == nil, "KAFKA_TLS_CA", "cannot be used: %v", err)
		_, err = broker.LoadTLS(broker.TLSFiles{Cert: a.Cert, Key: a.Key})
		must(err == nil, "KAFKA_TLS_CERT", "cannot be used together with KAFKA_TLS_KEY: %v", err)
	}
	if a.Mechanism == "" {
		must(a.Username == "", "KAFKA_SASL_USERNAME", "has no effect without KAFKA_SASL_MECHANISM")
		must(a.Password == "", "KAFKA_SASL_PASSWORD", "has no effect without KAFKA_SASL_MECHANISM")
		return
	}
	must(slices.Contains(broker.Mechanisms(), a.Mechanism), "KAFKA_SASL_MECHANISM", "is %q, but must be one of %s", a.Mechanism,
		strings.Join(broker.Mechanisms(), ", "))
	must(a.TLS || a.Mechanism != broker.Plain, "KAFKA_SASL_MECHANISM",
		"is PLAIN, which sends the password as it is: set KAFKA_TLS=true, or use SCRAM-SHA-256 or SCRAM-SHA-512")
	must(a.Username != "", "KAFKA_SASL_USERNAME", "is missing: KAFKA_SASL_MECHANISM needs it")
	must(a.Password != "", "KAFKA_SASL_PASSWORD", "is missing: KAFKA_SASL_MECHANISM needs it")
}

// TLSConfig reads the files. It returns nil without TLS.
func (a KafkaAccess) TLSConfig() (*tls.Config, error) {
	if !a.TLS {
		return nil, nil
	}
	return broker.LoadTLS(broker.TLSFiles{CA: a.CA, Cert: a.Cert, Key: a.Key})
}

// Credentials returns nil without a sign-in.
func (a KafkaAccess) Credentials() *broker.Credentials {
	if a.Mechanism == "" {
		return nil
	}
	return &broker.Credentials{Mechanism: a.Mechanism, Username: a.Username, Password: a.Password}
}
