// Package market has the rules of markets, the countries in which products are offered. The catalog owns them. Every change
// here publishes an event.
package market

import (
	"regexp"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/nametext"
)

// MaxName is the maximum length of a cleaned name, in code points.
const MaxName = 80

// Draft is the part of a market that callers set.
type Draft struct {
	ISOCode string // ISO 3166-1 alpha-2; the id of the market; it never changes
	Name    string
}

// Market is a country in which products are offered.
type Market struct {
	Draft
	Deleted   bool  // the row is kept, so that a market that comes back gets its next version
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch holds new values of a market. Nil leaves a field unchanged.
type Patch struct {
	ISOCode *string // must be the market's own code
	Name    *string
}

// applied returns d with the changes of the patch.
func (p Patch) applied(d Draft) Draft {
	if p.ISOCode != nil {
		d.ISOCode = *p.ISOCode
	}
	if p.Name != nil {
		d.Name = *p.Name
	}
	return d
}

// Cleaned returns d with its name in the form in which it is stored.
func (d Draft) Cleaned() Draft {
	d.Name = nametext.Clean(d.Name)
	return d
}

// Validate returns an Invalid error that lists every rule that the cleaned draft breaks.
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

// ValidCode reports whether s has the form of an ISO 3166-1 alpha-2 code. It does not check whether the code is assigned:
// the list of assigned codes changes, and user-assigned codes such as XK are widely used.
func ValidCode(s string) bool { return code.MatchString(s) }

func appendNameFaults(faults []apperr.FieldError, name string) []apperr.FieldError {
	for _, detail := range nametext.Faults(name, MaxName) {
		faults = append(faults, apperr.FieldError{Pointer: "/name", Detail: detail})
	}
	return faults
}
