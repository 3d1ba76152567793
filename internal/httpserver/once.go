package httpserver

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// anonymous is the caller of every request until there is authentication.
const anonymous = "anonymous"

// IdempotencyKey returns what a request with an Idempotency-Key is known by, and a fingerprint of its body. Keys are
// scoped by caller, method and path.
func IdempotencyKey(method, path, key string, body any) (id, fingerprint [sha256.Size]byte) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("a decoded request body cannot be encoded: " + err.Error())
	}
	// Quoting keeps the members apart, whatever they contain.
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", anonymous, method, path, key)), sha256.Sum256(text)
}
