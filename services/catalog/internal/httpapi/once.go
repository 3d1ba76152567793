package httpapi

import (
	"net/http"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
)

// Where things are created, which is a part of what an Idempotency-Key belongs to.
const (
	pathEntries = "/catalog/api/v1"
	pathMarkets = "/catalog/api/v1/markets"
)

// once is what the business packages call Once.
type once struct{ ID, Fingerprint [32]byte }

// toOnce names a request that must not take effect twice; nil without a key.
func toOnce(path string, key *oapi.IdempotencyKey, body any) *once {
	if key == nil {
		return nil
	}
	id, fingerprint := httpserver.IdempotencyKey(http.MethodPost, path, *key, body)
	return &once{ID: id, Fingerprint: fingerprint}
}
