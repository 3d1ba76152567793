package main

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var initialisms = map[string]string{"id": "ID", "iso": "ISO", "uuid": "UUID", "uri": "URI", "url": "URL"}

// goName returns the exported Go name of a name in the document. For example, product_uuid, product-uuid and productUuid all
// become ProductUUID.
func goName(s string) string {
	var b strings.Builder
	for _, word := range words(s) {
		if up, ok := initialisms[strings.ToLower(word)]; ok {
			b.WriteString(up)
			continue
		}
		r, n := utf8.DecodeRuneInString(word)
		b.WriteRune(unicode.ToUpper(r))
		b.WriteString(word[n:])
	}
	return b.String()
}

// words splits a name at all characters except letters and digits, and before a capital letter that follows a small letter.
func words(s string) []string {
	var found []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		start, small := 0, false
		for i, r := range part {
			if small && unicode.IsUpper(r) {
				found = append(found, part[start:i])
				start = i
			}
			small = unicode.IsLower(r)
		}
		found = append(found, part[start:])
	}
	return found
}

// paramName returns the name of a parameter that sets the field. It avoids keywords, types and packages in the scope.
func paramName(field string) string {
	ws := words(field)
	ws[0] = strings.ToLower(ws[0])
	name := strings.Join(ws, "")
	switch {
	case name == "time":
		return "at"
	case slices.Contains([]string{"uuid", "types", "type", "string"}, name):
		return name + "Value"
	}
	return name
}
