package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/certificate"
)

func TestKafkaAccess(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	client, other := authority.Issue(t, "client"), authority.Issue(t, "other")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	signIn := func(mechanism string, more map[string]string) map[string]string {
		all := map[string]string{"KAFKA_SASL_MECHANISM": mechanism, "KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "hush"}
		maps.Copy(all, more)
		return all
	}
	withTLS := map[string]string{"KAFKA_TLS": "true"}
	tests := map[string]struct {
		set   map[string]string
		fault string // the variable, and part of what is wrong with it; "" if nothing is
	}{
		"Neither":         {nil, ""},
		"TLSOfSystem":     {withTLS, ""},
		"TLSOfAuthority":  {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CA": authority.File}, ""},
		"TLSOfClient":     {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CERT": client.Cert, "KAFKA_TLS_KEY": client.Key}, ""},
		"PlainWithTLS":    {signIn("PLAIN", withTLS), ""},
		"SCRAMWithoutTLS": {signIn("SCRAM-SHA-512", nil), ""},

		"PlainWithoutTLS": {signIn("PLAIN", nil), "KAFKA_SASL_MECHANISM is PLAIN, which sends the password as it is"},
		"OtherMechanism":  {signIn("GSSAPI", withTLS), "KAFKA_SASL_MECHANISM is \"GSSAPI\""},
		"NoUser":          {signIn("SCRAM-SHA-256", map[string]string{"KAFKA_SASL_USERNAME": ""}), "KAFKA_SASL_USERNAME is missing"},
		"NoPassword":      {signIn("SCRAM-SHA-256", map[string]string{"KAFKA_SASL_PASSWORD": ""}), "KAFKA_SASL_PASSWORD is missing"},
		"UserAlone":       {map[string]string{"KAFKA_SASL_USERNAME": "me"}, "KAFKA_SASL_USERNAME has no effect"},
		"PasswordAlone":   {map[string]string{"KAFKA_SASL_PASSWORD": "hush"}, "KAFKA_SASL_PASSWORD has no effect"},
		"CAWithoutTLS":    {map[string]string{"KAFKA_TLS_CA": authority.File}, "KAFKA_TLS_CA has no effect"},
		"CertWithoutTLS":  {map[string]string{"KAFKA_TLS_CERT": client.Cert}, "KAFKA_TLS_CERT has no effect"},
		"KeyWithoutTLS":   {map[string]string{"KAFKA_TLS_KEY": client.Key}, "KAFKA_TLS_KEY has no effect"},
		"NoSuchCA":        {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CA": empty + ".missing"}, "KAFKA_TLS_CA cannot be used"},
		"EmptyCA":         {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CA": empty}, "KAFKA_TLS_CA cannot be used"},
		"NoKey":           {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CERT": client.Cert}, "KAFKA_TLS_CERT cannot be used"},
		"OtherKey":        {map[string]string{"KAFKA_TLS": "true", "KAFKA_TLS_CERT": client.Cert, "KAFKA_TLS_KEY": other.Key}, "KAFKA_TLS_CERT cannot be used"},
		"UnreadableTLS":   {map[string]string{"KAFKA_TLS": "maybe"}, "KAFKA_TLS cannot be read"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := good()
			maps.Copy(variables, tt.set)
			cfg, err := LoadFrom(defaults(), variables)
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), "\n  "+tt.fault) || strings.Count(err.Error(), "\n") != 1 {
					t.Fatalf("want the one fault %q, got: %v", tt.fault, err)
				}
				if strings.Contains(err.Error(), "hush") {
					t.Errorf("the password is shown: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			encryption, err := cfg.Kafka.Access.TLSConfig()
			if err != nil || (encryption != nil) != (tt.set["KAFKA_TLS"] != "") {
				t.Errorf("the TLS configuration is %v, %v", encryption, err)
			}
			if c := cfg.Kafka.Access.Credentials(); (c != nil) != (tt.set["KAFKA_SASL_MECHANISM"] != "") {
				t.Errorf("the credentials are %v", c)
			}
			for _, v := range Variables(cfg) {
				if strings.Contains(v.Value, "hush") {
					t.Errorf("%s shows its secret", v.Name)
				}
			}
		})
	}
}
