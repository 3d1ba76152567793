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
		read := map[string]bool{}
		for cursor := first; ; {
			if cursor != nil {
				read[*cursor] = true
			}
			items, next, err := page(cursor, fetch)
			if next != nil && read[*next] {
				err = errors.New("the next page of a list is one that has been read")
			}
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
	if items == nil || *items == nil {
		return nil, nil, errors.New("a list was answered without one")
	}
	next, err := nextCursor(header)
	return *items, next, err
}

// What a Link header consists of (RFC 8288): links, each with its target and its parameters.
const parameterPattern = `\s*;[\s;]*([^\s;,="]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?`

var (
	parameter = regexp.MustCompile(parameterPattern)
	link      = regexp.MustCompile(`<([^>]*)>((?:` + parameterPattern + `)*)`)
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
//
// A header that cannot be read is an error: to end there would pass a part of the list off as the whole.
func nextCursor(header http.Header) (*string, error) {
	text := strings.Join(header.Values("Link"), ", ")
	if strings.Trim(link.ReplaceAllLiteralString(text, ""), ",; \t") != "" {
		return nil, fmt.Errorf("the links to other pages cannot be read: %q", text)
	}
	for _, member := range link.FindAllStringSubmatch(text, -1) {
		if !leadsToNext(member[2]) {
			continue
		}
		target, err := url.Parse(member[1])
		if err != nil || target.Query().Get("cursor") == "" {
			return nil, fmt.Errorf("the link to the next page has no cursor: %q", member[1])
		}
		return new(target.Query().Get("cursor")), nil
	}
	return nil, nil
}
