package config

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/httpserver"
)

func defaults() Common { return Common{HTTP: httpserver.Settings{Addr: ":8000"}} }

func good() map[string]string {
	return map[string]string{"DATABASE_URL": "postgres://me:secret@db/monolith", "KAFKA_BROKERS": "a:9092,b:9092"}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set    map[string]string
		faults []string // the variables that have a fault
	}{
		"Defaults":              {nil, nil},
		"Missing":               {map[string]string{"DATABASE_URL": "", "KAFKA_BROKERS": ""}, []string{"DATABASE_URL", "KAFKA_BROKERS"}},
		"OtherDatabase":         {map[string]string{"DATABASE_URL": "mysql://db"}, []string{"DATABASE_URL"}},
		"PrefixIllegal":         {map[string]string{"KAFKA_PREFIX": "my shop"}, []string{"KAFKA_PREFIX"}},
		"PrefixTooLong":         {map[string]string{"KAFKA_PREFIX": strings.Repeat("a", 101)}, []string{"KAFKA_PREFIX"}},
		"BrokerNoPort":          {map[string]string{"KAFKA_BROKERS": "a:9092,b"}, []string{"KAFKA_BROKERS"}},
		"DatabasePort":          {map[string]string{"DATABASE_URL": "postgres://db:999999/monolith"}, []string{"DATABASE_URL"}},
		"BrokerPort":            {map[string]string{"KAFKA_BROKERS": "a:9092,b:999999"}, []string{"KAFKA_BROKERS"}},
		"BrokerPortZero":        {map[string]string{"KAFKA_BROKERS": "a:0"}, []string{"KAFKA_BROKERS"}},
		"BrokerPortNamed":       {map[string]string{"KAFKA_BROKERS": "a:kafka"}, []string{"KAFKA_BROKERS"}},
		"BrokerNoHost":          {map[string]string{"KAFKA_BROKERS": ":9092"}, []string{"KAFKA_BROKERS"}},
		"HTTPPort":              {map[string]string{"HTTP_ADDR": ":999999"}, []string{"HTTP_ADDR"}},
		"HTTPPortNegative":      {map[string]string{"HTTP_ADDR": ":-1"}, []string{"HTTP_ADDR"}},
		"HTTPAnyPort":           {map[string]string{"HTTP_ADDR": "127.0.0.1:0"}, nil},
		"Unreadable":            {map[string]string{"LOG_LEVEL": "loud", "SHUTDOWN_GRACE": "soon", "CONSUMER_BATCH": "many"}, []string{"CONSUMER_BATCH", "LOG_LEVEL", "SHUTDOWN_GRACE"}},
		"RenewTooSlow":          {map[string]string{"OUTBOX_LEASE_RENEW": "2s"}, []string{"OUTBOX_LEASE_TIMEOUT"}},
		"ProduceTooLong":        {map[string]string{"OUTBOX_PRODUCE_TIMEOUT": "4s"}, []string{"OUTBOX_LEASE_TIMEOUT"}},
		"LeaseOfZero":           {map[string]string{"OUTBOX_LEASE_TIMEOUT": "0s"}, []string{"OUTBOX_LEASE_TIMEOUT"}},
		"DelayTooLong":          {map[string]string{"SHUTDOWN_GRACE": "2s"}, []string{"SHUTDOWN_DELAY"}},
		"MoreThanAll":           {map[string]string{"KAFKA_MIN_INSYNC_REPLICAS": "4"}, []string{"KAFKA_MIN_INSYNC_REPLICAS"}},
		"NoNetwork":             {map[string]string{"HTTP_TRUSTED_PROXIES": "10.0.0.0/8, proxy"}, []string{"HTTP_TRUSTED_PROXIES"}},
		"RequestTimeoutTooLong": {map[string]string{"HTTP_REQUEST_TIMEOUT": "30s"}, []string{"HTTP_REQUEST_TIMEOUT"}},
		"ExpiryTooShort":        {map[string]string{"REQUEST_EXPIRY": "59s"}, []string{"REQUEST_EXPIRY"}},
		"ExpiryTooLong":         {map[string]string{"REQUEST_EXPIRY": "8760h1s"}, []string{"REQUEST_EXPIRY"}},
		"ExpiryLongest":         {map[string]string{"REQUEST_EXPIRY": "8760h"}, nil},
		"WaitTooLong":           {map[string]string{"HTTP_MAX_WAIT": "20s"}, []string{"HTTP_MAX_WAIT"}},
		"WaitNegative":          {map[string]string{"HTTP_MAX_WAIT": "-1s"}, []string{"HTTP_MAX_WAIT"}},
		"NoWait":                {map[string]string{"HTTP_MAX_WAIT": "0s"}, nil},
		"ConnectionWaitZero":    {map[string]string{"DATABASE_CONNECTION_WAIT": "0s"}, []string{"DATABASE_CONNECTION_WAIT"}},
		"ConnectionWaitTooLong": {map[string]string{"DATABASE_CONNECTION_WAIT": "5001ms"}, []string{"DATABASE_CONNECTION_WAIT"}},
		"AllowedHosts":          {map[string]string{"HTTP_ALLOWED_HOSTS": "shop.example,*"}, nil},
		"AllowedHostIsAURL":     {map[string]string{"HTTP_ALLOWED_HOSTS": "https://shop.example"}, []string{"HTTP_ALLOWED_HOSTS"}},
		"ListTimeoutZero":       {map[string]string{"DATABASE_LIST_TIMEOUT": "0s"}, []string{"DATABASE_LIST_TIMEOUT"}},
		"ListTimeoutTooLong":    {map[string]string{"DATABASE_LIST_TIMEOUT": "5001ms"}, []string{"DATABASE_LIST_TIMEOUT"}},
		"LockTimeoutZero":       {map[string]string{"DATABASE_LOCK_TIMEOUT": "0s"}, []string{"DATABASE_LOCK_TIMEOUT"}},
		"LockTimeoutTooLong":    {map[string]string{"DATABASE_LOCK_TIMEOUT": "5001ms"}, []string{"DATABASE_LOCK_TIMEOUT"}},
		"LockTimeoutLongest":    {map[string]string{"DATABASE_LOCK_TIMEOUT": "5s"}, nil},
		"KeysPerCallerTooMany":  {map[string]string{"IDEMPOTENCY_MAX_KEYS": "9"}, []string{"IDEMPOTENCY_MAX_KEYS_PER_CALLER"}},
		"NoReads":               {map[string]string{"HTTP_MAX_READS": "0"}, []string{"HTTP_MAX_READS"}},
		"Everything": {map[string]string{"HTTP_ADDR": "8000", "LOG_FORMAT": "xml", "HTTP_MAX_BODY_BYTES": "0", "OUTBOX_SWEEP_MIN": "2s"},
			[]string{"HTTP_ADDR", "HTTP_MAX_BODY_BYTES", "LOG_FORMAT", "OUTBOX_SWEEP_MAX"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variables := good()
			maps.Copy(variables, tt.set)
			_, err := LoadFrom(defaults(), variables)
			if (err != nil) != (len(tt.faults) > 0) {
				t.Fatalf("error %v", err)
			}
			for _, variable := range tt.faults {
				if strings.Count(err.Error(), "\n  "+variable+" ") != 1 {
					t.Errorf("%s is not named once in:\n%v", variable, err)
				}
			}
			if err != nil && strings.Count(err.Error(), "\n") != len(tt.faults) {
				t.Errorf("want faults of %v, got:\n%v", tt.faults, err)
			}
		})
	}
}

// A fault of a variable that a command does not use must not stop the command.
func TestDatabaseAlone(t *testing.T) {
	t.Parallel()
	variables := map[string]string{"DATABASE_URL": "postgres://db/monolith", "HTTP_ADDR": "8000", "OUTBOX_CLAIM_ROWS": "many",
		"CONSUMER_BATCH": "0"}
	if _, err := load(Common{}, variables, DatabaseAlone); err != nil {
		t.Error(err)
	}
	variables["DATABASE_URL"], variables["LOG_LEVEL"] = "", "loud"
	_, err := load(Common{}, variables, DatabaseAlone)
	if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || !strings.Contains(err.Error(), "LOG_LEVEL") ||
		strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

func TestBrokersAreTrimmed(t *testing.T) {
	t.Parallel()
	variables := good()
	variables["KAFKA_BROKERS"] = " a:9092, b:9092 "
	cfg, err := LoadFrom(defaults(), variables)
	if err != nil || !slices.Equal(cfg.Kafka.Brokers, []string{"a:9092", "b:9092"}) {
		t.Errorf("%q, %v", cfg.Kafka.Brokers, err)
	}
}

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"10.1.2.3":               "10.1.2.3/32",
		" 10.1.2.3/8 , fd00::1,": "10.0.0.0/8,fd00::1/128",
		"0.0.0.0/0":              "0.0.0.0/0",
	} {
		variables := good()
		variables["HTTP_TRUSTED_PROXIES"] = text
		cfg, err := LoadFrom(defaults(), variables)
		if err != nil || cfg.HTTP.TrustedProxies.String() != want {
			t.Errorf("%q is read as %q (%v), want %q", text, cfg.HTTP.TrustedProxies, err, want)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	cfg, err := LoadFrom(defaults(), good())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Variables(cfg) {
		if strings.Contains(v.Value, "secret") {
			t.Errorf("%s shows its secret: %s", v.Name, v.Value)
		}
		if v.Name == "KAFKA_BROKERS" && v.Value != "a:9092,b:9092" {
			t.Errorf("brokers are shown as %s", v.Value)
		}
		if v.About == "" || v.Name == "" {
			t.Errorf("%+v is not described", v)
		}
	}
}

// Somebody may write a sign-in into an address. The fault does not repeat it.
func TestBrokersHideTheSignIn(t *testing.T) {
	t.Parallel()
	for _, brokers := range []string{"me:secret@a:9092", "secret@a:9092", "me:secret@a"} {
		variables := good()
		variables["KAFKA_BROKERS"] = brokers
		if _, err := LoadFrom(defaults(), variables); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", brokers, err)
		}
	}
}
