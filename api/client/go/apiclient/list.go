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

// MaxLimit is the maximum number of items in a page.
const MaxLimit int32 = 200

// All yields the items of a list. It reads the next page when all items of the page before have been used. fetch reads the
// page at a cursor; the first page is at the given cursor. All yields an error only as the last item. A second range over
// the result reads the list again.
func All[T any](first *string, fetch func(cursor *string) (*[]T, http.Header, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		read := map[string]bool{}
		for cursor := first; ; {
			if cursor != nil {
				read[*cursor] = true
			}
			items, next, err := page(cursor, fetch)
			if next != nil && read[*next] {
				err = errors.New("the next page of the list has already been read")
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
		return nil, nil, errors.New("the answer has no list")
	}
	next, err := nextCursor(header)
	return *items, next, err
}

// The parts of a Link header (RFC 8288): links, each with a target and parameters.
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

// nextCursor returns the cursor in the link to the next page, or nil on the last page. The filters come from the request,
// not from the link: the service refuses a cursor that belongs to other filters.
//
// A header that cannot be parsed is an error. Otherwise a part of the list would look like the whole list.
func nextCursor(header http.Header) (*string, error) {
	text := strings.Join(header.Values("Link"), ", ")
	if strings.Trim(link.ReplaceAllLiteralString(text, ""), ",; \t") != "" {
		return nil, fmt.Errorf("the Link header cannot be parsed: %q", text)
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
