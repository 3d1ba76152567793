// Package nametext knows the form of names: in which form they are stored and compared, and which texts are not a name.
package nametext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean returns the name in the form in which it is stored: Unicode's normalization form C (UAX #15), without white space at
// both ends. So two names that look the same because an accent is one character or two are equal.
func Clean(name string) string { return strings.TrimSpace(norm.NFC.String(name)) }

// Forms returns the texts with which a stored name is compared: the text in normalization form C, and the text as it is, if
// that differs. A name that an earlier release stored can have another form until it is changed.
func Forms(text string) []string {
	if norm.NFC.IsNormalString(text) {
		return []string{text}
	}
	return []string{norm.NFC.String(text), text}
}

// Faults returns what is wrong with a clean name that may have up to longest code points. PostgreSQL cannot store NUL (H15 NUL
// in a text) and bytes that are not UTF-8.
func Faults(name string, longest int) (faults []string) {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		faults = append(faults, "must not be blank")
	case n > longest:
		faults = append(faults, fmt.Sprintf("has %d characters, at most %d are allowed", n, longest))
	}
	if strings.ContainsRune(name, 0) {
		faults = append(faults, "must not contain the character U+0000")
	}
	if !utf8.ValidString(name) {
		faults = append(faults, "must be valid UTF-8")
	}
	if len(faults) == 0 && !strings.ContainsFunc(name, visible) {
		faults = append(faults, "must have a character that can be seen")
	}
	return faults
}

// brailleBlank is a symbol for Unicode, but shows nothing.
const brailleBlank = '\u2800'

// visible reports whether the character shows something by itself. Unicode calls most others "default ignorable".
func visible(r rune) bool {
	return r != brailleBlank && !unicode.IsSpace(r) &&
		!unicode.In(r, unicode.Cc, unicode.Cf, unicode.Z, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
