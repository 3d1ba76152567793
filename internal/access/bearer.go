package access

import (
	"errors"
	"strings"
)

// The ways in which credentials cannot be used.
var (
	errOtherScheme = errors.New("the scheme is not Bearer")
	errMalformed   = errors.New("the credentials are malformed")
)

// bearer returns the secret in an Authorization field (RFC 6750, section 2.1).
func bearer(field string) (secret string, err error) {
	scheme, secret, _ := strings.Cut(strings.TrimSpace(field), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errOtherScheme
	}
	secret = strings.TrimLeft(secret, " ")
	if secret == "" || strings.ContainsAny(secret, " \t,") {
		return "", errMalformed
	}
	return secret, nil
}
