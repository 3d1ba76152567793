//go:build realkafka

package e2e

import (
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/testkit/certificate"
	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// Both services work with a Kafka and a PostgreSQL that take only TLS and a password. The certificates come from an
// authority that only the settings name.
func TestSystemWithTLS(t *testing.T) {
	t.Parallel()
	authority := certificate.NewAuthority(t)
	issued := authority.Issue(t, "servers", "127.0.0.1")
	secured := &kafkaprocess.Secured{Certificate: issued.Both, Authority: authority.File,
		Users: []kafkaprocess.User{{Name: "shop", Password: "correct-horse"}}}
	kafkaprocess.Run(t, secured)
	database := pgtest.NewTLSServer(t, pgserver.TLS{Certificate: issued.Cert, Key: issued.Key, Authority: authority.File})
	// The broker of kafkatest is not used: the later settings replace its address.
	s := &system{t: t, kafka: kafkatest.New(t), monolithDB: database.NewURL(), catalogDB: database.NewURL()}
	access := []string{"KAFKA_BROKERS=" + secured.SecureAddr, "KAFKA_PREFIX=", "KAFKA_TLS=true", "KAFKA_TLS_CA=" + authority.File,
		"KAFKA_SASL_MECHANISM=" + broker.ScramSHA512, "KAFKA_SASL_USERNAME=shop", "KAFKA_SASL_PASSWORD=correct-horse"}
	s.monolith = s.startMonolith(access...)
	s.catalog = s.startCatalog(access...)
	s.createMarket("DE")
	s.createEntry(s.createProduct("Walnut desk")["product_uuid"].(string), "DE")
	s.settled()
	if n := rows(t, s.monolithDB, `SELECT count(*) FROM catalog_entry_copy WHERE version > 0`); n[0] != "1" {
		t.Errorf("%s entries have arrived", n[0])
	}
}
