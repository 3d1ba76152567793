package serviceframe

import (
	"context"
	"errors"
	"testing"
)

// Anyone may read /readyz. Its parts tell errors of drivers, of the network and of servers.
func TestReadinessTellsNoAddresses(t *testing.T) {
	t.Parallel()
	for told, want := range map[string]string{
		"dial tcp 127.0.0.1:9092: connect: connection refused":                            "the connection to …: connect: connection refused",
		"read tcp 10.0.0.7:41234->10.0.0.8:9092: i/o timeout":                             "the connection to …->…: i/o timeout",
		"dial tcp [::1]:9092: connect: connection refused":                                "the connection to …: connect: connection refused",
		"dial tcp [fe80::1%eth0]:5432: no route":                                          "the connection to …: no route",
		"dial tcp: lookup kafka-1.internal.example on 10.0.0.2:53: no such host":          "the connection to: lookup … on …: no such host",
		"broker kafka-1.internal.example:9092 does not answer":                            "broker … does not answer",
		"open postgres://me:hush@db.example:5432/shop?sslmode=disable: refused":           "open … refused",
		"maintain: ERROR: it has\ntwo lines (SQLSTATE 42501)":                             "maintain: the database reports SQLSTATE 42501",
		"maintain: ERROR: permission denied for schema public (SQLSTATE 42501)":           "maintain: the database reports SQLSTATE 42501",
		"FATAL: no pg_hba.conf entry for host \"10.0.0.7\", user \"me\" (SQLSTATE 28000)": "the database reports SQLSTATE 28000",
		// What is no address stays.
		"monsplit.product.v1-7 is held: the event at offset 12345 is not JSON": "monsplit.product.v1-7 is held: the event at offset 12345 is not JSON",
		"halted since 2026-11-28T17:30:05Z, code lost_records: 12":             "halted since 2026-11-28T17:30:05Z, code lost_records: 12",
		"PostgreSQL 17.11 has room for 3 partitions":                           "PostgreSQL 17.11 has room for 3 partitions",
	} {
		err := forAnyone(func(context.Context) error { return errors.New(told) })(t.Context())
		if err.Error() != want {
			t.Errorf("%q becomes %q, want %q", told, err, want)
		}
	}
	if err := forAnyone(func(context.Context) error { return nil })(t.Context()); err != nil {
		t.Error(err)
	}
}
