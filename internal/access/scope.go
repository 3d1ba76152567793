package access

import (
	"fmt"
	"net/http"
	"slices"
)

// Scope is something that a token allows. No scope includes another one.
type Scope string

// The scopes.
const (
	Read  Scope = "read"  // GET and HEAD
	Write Scope = "write" // all other methods
)

// scopeOf returns the scope that a method needs.
func scopeOf(method string) Scope {
	if method == http.MethodGet || method == http.MethodHead {
		return Read
	}
	return Write
}

// ParseScopes returns the scopes with these names, each once.
func ParseScopes(names []string) ([]Scope, error) {
	var scopes []Scope
	for _, name := range names {
		scope := Scope(name)
		if scope != Read && scope != Write {
			return nil, fmt.Errorf("%q is not a scope; the scopes are read and write", name)
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if scopes == nil {
		return nil, fmt.Errorf("a token needs a scope: read, write or both")
	}
	slices.Sort(scopes)
	return scopes, nil
}

// ScopeNames returns the names of scopes.
func ScopeNames(scopes []Scope) []string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return names
}

func scopesOf(names []string) []Scope {
	scopes := make([]Scope, len(names))
	for i, name := range names {
		scopes[i] = Scope(name)
	}
	return scopes
}
