package httpserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/condition"
)

// Once identifies a request by its Idempotency-Key, within its caller, method and path. It returns nil for a request
// without a key. The context has the caller, and body is the decoded body.
func Once(ctx context.Context, method, path string, key *string, body any) *condition.Once {
	if key == nil {
		return nil
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("a decoded request body cannot be encoded: " + err.Error())
	}
	// The quotes separate the values, even if a value contains a space.
	id := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", caller.From(ctx).String(), method, path, *key))
	return &condition.Once{ID: id, Fingerprint: sha256.Sum256(text)}
}
