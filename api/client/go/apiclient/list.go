package apiclient

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// MaxLimit is the most items that a service puts into a page.
const MaxLimit int32 = 200

// All yields the items of a list, reading the next page when the one before has been used up: fetch reads the page at a
// cursor, the first time at the given one. An error is the last thing that it yields. Ranging again reads again.
func All[T any](first *string, fetch func(cursor *string) (*[]T, http.Header, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := first; ; {
			items, next, err := page(cursor, fetch)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
			}
			if err != nil || next == nil {
				return
			}
			cursor = next
		}
	}
}

func page[T any](cursor *string, fetch func(*string) (*[]T, http.Header, error)) ([]T, *string, error) {
	items, header, err := fetch(cursor)
	if err != nil {
		return nil, nil, err
	}
	if items == nil {
		return nil, nil, errors.New("a list was answered without one")
	}
	next, err := nextCursor(header)
	if err == nil && next != nil && cursor != nil && *next == *cursor {
		err = errors.New("the next page of a list is the same page again")
	}
	return *items, next, err
}

var (
	// link is one member of a Link header (RFC 8288): its target, and its parameters up to a comma outside quotes.
	link      = regexp.MustCompile(`<([^>]*)>((?:[^,"]|"[^"]*")*)`)
	parameter = regexp.MustCompile(`;\s*([^=;\s]+)\s*=\s*("[^"]*"|[^;\s]*)`)
)

func leadsToNext(parameters string) bool {
	for _, p := range parameter.FindAllStringSubmatch(parameters, -1) {
		if strings.EqualFold(p[1], "rel") {
			return slices.Contains(strings.Fields(strings.ToLower(strings.Trim(p[2], `"`))), "next")
		}
	}
	return false
}

// nextCursor returns the cursor in the link to the next page, nil on the last one. The filters are not taken from the
// link: they are those of the request, and the service refuses a cursor that was made with others.
func nextCursor(header http.Header) (*string, error) {
	for _, member := range link.FindAllStringSubmatch(strings.Join(header.Values("Link"), ", "), -1) {
		if !leadsToNext(member[2]) {
			continue
		}
		target, err := url.Parse(member[1])
		if err != nil || target.Query().Get("cursor") == "" {
			// To end here would pass a part of the list off as the whole.
			return nil, fmt.Errorf("the link to the next page has no cursor: %q", member[1])
		}
		return new(target.Query().Get("cursor")), nil
	}
	return nil, nil
}
