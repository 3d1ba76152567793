package nametext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/nametext"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		" Cafe\u0301\u00a0": "Caf\u00e9",
		"Caf\u00e9":         "Caf\u00e9",
		"\u212b":            "\u00c5", // the sign of the unit Ångström
		"\u1100\u1161":      "\uac00",
		"\ufb01":            "\ufb01", // a ligature is another character, not another form
		"\u2001":            "",
		"a\xff":             "a\xff",
	} {
		got := nametext.Clean(name)
		if got != want || nametext.Clean(got) != got {
			t.Errorf("%q is cleaned to %q, want %q", name, got, want)
		}
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":          {""},
		"é":         {"é"},
		"e\u0301 f": {"é f", "e\u0301 f"},
	} {
		if got := nametext.Forms(text); !slices.Equal(got, want) {
			t.Errorf("%q has the forms %q, want %q", text, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const unseen = "must have a character that can be seen"
	for name, want := range map[string][]string{
		"a":                          {},
		"\U0001F468\u200d\U0001F469": {}, // a joiner between two signs
		"می\u200cخواهم":              {}, // Persian writes a non-joiner inside words
		"":                           {"must not be blank"},
		strings.Repeat("é", 9):       {},
		"ten digits":                 {"has 10 characters, at most 9 are allowed"},
		"a\x00":                      {"must not contain the character U+0000"},
		"\xff":                       {"must be valid UTF-8"},
		"\u200b":                     {unseen}, // zero-width space
		"\u200d\u2060\ufeff":         {unseen},
		"\u00ad":                     {unseen}, // soft hyphen
		"\u3164":                     {unseen}, // Hangul filler
		"\u115f\uffa0":               {unseen},
		"\ufe0f":                     {unseen}, // variation selector
		"\u2800":                     {unseen}, // braille without dots
		"\u202e\u2066":               {unseen}, // directions of text
		"\U000E0041":                 {unseen}, // tag
		"\u034f\u180e":               {unseen},
		"\u007f\u0007":               {unseen},
		"\u200b \u200b":              {unseen},
	} {
		if got := nametext.Faults(name, 9); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
