package docpages

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

var (
	strong = regexp.MustCompile(`\*\*(.+?)\*\*`)
	code   = regexp.MustCompile("`([^`]+)`")
	gap    = regexp.MustCompile(`\n\s*\n`)
)

// prose renders the part of Markdown that the documents use: paragraphs, **strong** and `code`.
func prose(text string) template.HTML {
	var out strings.Builder
	for _, paragraph := range gap.Split(strings.TrimSpace(text), -1) {
		if paragraph != "" {
			out.WriteString("<p>" + inline(paragraph) + "</p>\n")
		}
	}
	return template.HTML(out.String()) // escaped by inline
}

// opening returns the first paragraph of a text.
func opening(text string) template.HTML {
	return prose(gap.Split(strings.TrimSpace(text), 2)[0])
}

func inline(text string) string {
	text = html.EscapeString(strings.Join(strings.Fields(text), " "))
	return code.ReplaceAllString(strong.ReplaceAllString(text, "<strong>$1</strong>"), "<code>$1</code>")
}
