package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Written returns the id that the changed entity has in all services, and its version after the change, from the answer to a
// write. Pass the version to AtLeast, to read the change in another service. The version is 0 if the answer has none.
func Written(response *http.Response) (id string, version int64) {
	id = response.Header.Get("Aggregate-Id")
	version, err := strconv.ParseInt(response.Header.Get("Aggregate-Version"), 10, 64)
	if err != nil || version < 1 {
		return "", 0
	}
	return id, version
}

// AtLeast reads a copy only if it has this version or a later one. The service waits for the version as long as wait, in
// whole seconds, and at most 10 s unless its operator has set another limit. Without the version the error is a Problem named
// NotYet: try again after its RetryAfter. A version of 0, as from Written, has no effect.
//
// Only operations that document the parameter min_version read copies. WithTimeout must be longer than wait.
func AtLeast(version int64, wait time.Duration) Editor {
	return func(_ context.Context, request *http.Request) error {
		if version < 1 {
			return nil
		}
		query := request.URL.Query()
		query.Set("min_version", strconv.FormatInt(version, 10))
		request.URL.RawQuery = query.Encode()
		if seconds := (wait + time.Second - 1) / time.Second; seconds > 0 {
			request.Header.Add("Prefer", fmt.Sprintf("wait=%d", seconds))
		}
		return nil
	}
}
