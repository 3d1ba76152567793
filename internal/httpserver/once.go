package httpserver

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// anonymous is the caller of every request as long as there is no authentication.
const anonymous = "anonymous"

// IdempotencyKey returns the id under which the answer to a request with an Idempotency-Key is stored, and a fingerprint of
// the request's body. Keys are scoped by caller, method and path.
func IdempotencyKey(method, path, key string, body any) (id, fingerprint [sha256.Size]byte) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("a decoded request body cannot be encoded: " + err.Error())
	}
	// The quotes separate the values, even if a value contains a space.
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", anonymous, method, path, key)), sha256.Sum256(text)
}
