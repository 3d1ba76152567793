package httpserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// cursor is opaque to clients. It has the position at which a page of a list ends, and a hash of the filters and the sort
// order of that list. It is written as base64url of JSON.
type cursor struct {
	Version  int             `json:"v"`
	List     []byte          `json:"l"`
	Position json.RawMessage `json:"p"`
}

// cursorVersion is the version of cursors and of the orders that they belong to. In version 1, a reversed list had equal values
// in the order of the id.
const cursorVersion = 2

// NewCursor returns the cursor that continues after position in the list that query describes. The query may be any value
// whose JSON differs between lists. Both must be encodable as JSON.
func NewCursor(query, position any) string {
	p, err := json.Marshal(position)
	if err != nil {
		panic("a list's position cannot be encoded: " + err.Error())
	}
	text, _ := json.Marshal(cursor{Version: cursorVersion, List: hashOf(query), Position: p}) // it is encodable
	return base64.RawURLEncoding.EncodeToString(text)
}

// ReadCursor returns the position in the cursor, or nil for none and for an empty one. Only maxHeaderBytes limits the length
// of a cursor, because the service must accept every cursor that it has given to a client. If the cursor is broken or belongs to another list
// than the query, the error is apperr.Malformed.
func ReadCursor[P any](text *string, query any) (*P, error) {
	if text == nil || *text == "" {
		return nil, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.Strict().DecodeString(*text)
	if err != nil || strictjson.UnmarshalKnown(raw, &c) != nil || c.Version > cursorVersion || c.Version < 1 {
		return nil, brokenCursor()
	}
	if c.Version != cursorVersion {
		return nil, badCursor("The cursor is of an earlier release. Begin again with the first page.")
	}
	if !bytes.Equal(c.List, hashOf(query)) {
		return nil, badCursor("The cursor belongs to a list with other filters or another sort order.")
	}
	position := new(P)
	if strictjson.UnmarshalKnown(c.Position, position) != nil || containsNUL(c.Position) {
		return nil, brokenCursor()
	}
	return position, nil
}

// containsNUL reports whether a text in the JSON value contains U+0000, which PostgreSQL cannot store (H15 NUL in a text). A
// cursor is not signed, so a client can put any text into it.
func containsNUL(value json.RawMessage) bool {
	for d := json.NewDecoder(bytes.NewReader(value)); ; {
		token, err := d.Token()
		if err != nil {
			return false // the end: the value was decoded before
		}
		if text, ok := token.(string); ok && strings.ContainsRune(text, 0) {
			return true
		}
	}
}

func brokenCursor() error { return badCursor("The cursor is broken.") }

func badCursor(detail string) error {
	return &apperr.Error{Kind: apperr.Malformed, Detail: detail,
		Fields: []apperr.FieldError{{Pointer: "/query/cursor", Detail: "must be copied unchanged from the Link header of the previous page"}}}
}

func hashOf(query any) []byte {
	text, err := json.Marshal(query)
	if err != nil {
		panic("a list's query cannot be encoded: " + err.Error())
	}
	hash := sha256.Sum256(text)
	return hash[:12]
}

// NextLink returns the value of the Link header that leads from the request in ctx to the next page (RFC 8288). The link
// has the same path and query, with another cursor. It is relative, so it is correct behind any gateway.
func NextLink(ctx context.Context, cursor string) string {
	target, ok := ctx.Value(requestURLKey{}).(*url.URL)
	if !ok {
		target = &url.URL{}
	}
	query := target.Query()
	query.Set("cursor", cursor)
	next := url.URL{Path: target.Path, RawQuery: query.Encode()}
	return "<" + next.String() + `>; rel="next"`
}

// requestURLKey is the key of a request's URL in its context.
type requestURLKey struct{}
