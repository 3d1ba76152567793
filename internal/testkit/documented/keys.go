package documented

import (
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// idempotencyKey is the header whose value the service stores with the first answer.
const idempotencyKey = "Idempotency-Key"

// KeysAreBounded sends every example request that may have an Idempotency-Key to a server that keeps no more keys. With a new
// key it must be refused, and change nothing: without a key it still gets its documented answer. full is like prepare in Run,
// and leaves the server without room for keys.
func KeysAreBounded(t *testing.T, document []byte, full Prepare) {
	t.Helper()
	tooMany := variation{
		status: http.StatusTooManyRequests, problem: "too-many-keys", later: 120,
		edit: func(_ operation, req *http.Request) { req.Header.Set(idempotencyKey, "one more") },
	}
	tried := 0
	for _, o := range operations(t, document) {
		if !o.takesKey() {
			continue
		}
		tried++
		b := o.bodies()[0]
		t.Run(o.Operation.OperationID, func(t *testing.T) {
			t.Parallel()
			base := full(t, o.Operation.OperationID, b.name)
			if err := o.refused(t, base, b, tooMany); err != nil {
				t.Error(err)
			}
			if err := o.try(t, base, b, func(req *http.Request) { req.Header.Del(idempotencyKey) }); err != nil {
				t.Errorf("without a key: %v", err)
			}
		})
	}
	if tried == 0 {
		t.Error("no operation of the document takes an Idempotency-Key")
	}
}

// takesKey reports whether the operation has the parameter Idempotency-Key.
func (o operation) takesKey() bool {
	return o.PathItem.Parameters.GetByInAndName(openapi3.ParameterInHeader, idempotencyKey) != nil ||
		o.Operation.Parameters.GetByInAndName(openapi3.ParameterInHeader, idempotencyKey) != nil
}
