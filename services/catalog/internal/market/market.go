// Package market is what the catalog knows about markets, the countries in which products are offered. It owns them:
// every change made here is announced to whoever listens.
package market

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/apperr"
)

// MaxName is the longest name, in code points, after trimming.
const MaxName = 80

// Draft is what a caller decides about a market.
type Draft struct {
	ISOCode string // ISO 3166-1 alpha-2; the id of the market, never changed
	Name    string
}

// Market is a country in which products are offered.
type Market struct {
	Draft
	Deleted   bool  // kept, so that a market that comes back goes on with its next version
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch says which parts of a market change; nil leaves them as they are.
type Patch struct {
	ISOCode *string // has to be the market's own
	Name    *string
}

// applied returns d with the patch's changes.
func (p Patch) applied(d Draft) Draft {
	if p.ISOCode != nil {
		d.ISOCode = *p.ISOCode
	}
	if p.Name != nil {
		d.Name = *p.Name
	}
	return d
}

// Trimmed returns d without the white space around its name.
func (d Draft) Trimmed() Draft {
	d.Name = strings.TrimSpace(d.Name)
	return d
}

// Validate returns an Invalid error that lists every rule that the trimmed draft breaks.
func (d Draft) Validate() error {
	var faults []apperr.FieldError
	if !ValidCode(d.ISOCode) {
		faults = append(faults, apperr.FieldError{Pointer: "/iso_code", Detail: "must be two capital letters"})
	}
	return invalid(appendNameFaults(faults, d.Name))
}

// validChange is Validate for a change of the market with this code.
func (d Draft) validChange(isoCode string) error {
	var faults []apperr.FieldError
	if d.ISOCode != isoCode {
		faults = append(faults, apperr.FieldError{Pointer: "/iso_code", Detail: "never changes"})
	}
	return invalid(appendNameFaults(faults, d.Name))
}

func invalid(faults []apperr.FieldError) error {
	return apperr.InvalidFields("The market is not valid.", faults...)
}

var code = regexp.MustCompile(`^[A-Z]{2}$`)

// ValidCode says whether s has the shape of an ISO 3166-1 alpha-2 code. Which codes are assigned is left to whoever
// creates markets: the list changes, and user-assigned codes such as XK are in wide use.
func ValidCode(s string) bool { return code.MatchString(s) }

// appendNameFaults refuses what PostgreSQL cannot store (NUL, and bytes that are not UTF-8) along with what is too long.
func appendNameFaults(faults []apperr.FieldError, name string) []apperr.FieldError {
	fault := func(detail string) {
		faults = append(faults, apperr.FieldError{Pointer: "/name", Detail: detail})
	}
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		fault("must not be blank")
	case n > MaxName:
		fault(fmt.Sprintf("has %d characters, at most %d are allowed", n, MaxName))
	}
	if strings.ContainsRune(name, 0) {
		fault("must not contain the character U+0000")
	}
	if !utf8.ValidString(name) {
		fault("must be valid UTF-8")
	}
	return faults
}
