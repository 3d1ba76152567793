// Package entry is what the catalog knows about its entries, each of which says that a product is offered in a market.
// It owns them: every change made here is announced to whoever listens.
package entry

import (
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Draft is what a caller decides about an entry.
type Draft struct {
	Product uuid.UUID // never changes
	Market  string    // ISO 3166-1 alpha-2; never changes; unique for a product, among entries that are not deleted
	Start   Date      // the first day of the offer; zero while it is not yet scheduled
	End     Date      // the last day of the offer, not before Start; zero while that is open
}

// Entry says that a product is offered in a market.
type Entry struct {
	ID uuid.UUID
	Draft
	Deleted   bool  // kept, so that its id is never used again
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch says which parts of an entry change; nil leaves them as they are.
type Patch struct {
	Product *uuid.UUID // has to be the entry's own
	Market  *string    // has to be the entry's own
	Start   *Date
	End     *Date
}

// applied returns d with the patch's changes.
func (p Patch) applied(d Draft) Draft {
	if p.Product != nil {
		d.Product = *p.Product
	}
	if p.Market != nil {
		d.Market = *p.Market
	}
	if p.Start != nil {
		d.Start = *p.Start
	}
	if p.End != nil {
		d.End = *p.End
	}
	return d
}

var code = regexp.MustCompile(`^[A-Z]{2}$`)

// Validate returns an Invalid error that lists every rule that the draft breaks by itself. Whether its product and its
// market are there is seen when it is created.
func (d Draft) Validate() error {
	var faults []apperr.FieldError
	if d.Product == uuid.Nil {
		faults = append(faults, apperr.FieldError{Pointer: "/product", Detail: "must be the id of a product"})
	}
	if !code.MatchString(d.Market) {
		faults = append(faults, apperr.FieldError{Pointer: "/market", Detail: "must be two capital letters"})
	}
	return invalid(appendDateFaults(faults, d))
}

// Where faults of dates are.
const (
	pointerStart = "/availability_date"
	pointerEnd   = "/availability_end_date"
)

func invalid(faults []apperr.FieldError) error {
	return apperr.InvalidFields("The entry is not valid.", faults...)
}

func appendDateFaults(faults []apperr.FieldError, d Draft) []apperr.FieldError {
	faults = appendYearFaults(faults, pointerStart, d.Start)
	faults = appendYearFaults(faults, pointerEnd, d.End)
	if !d.Start.IsZero() && !d.End.IsZero() && d.End.Before(d.Start) {
		faults = append(faults, apperr.FieldError{Pointer: pointerEnd, Detail: "must not be before availability_date"})
	}
	return faults
}

// appendYearFaults refuses the year 0, which JSON's dates have and PostgreSQL's do not: copies could not store it.
func appendYearFaults(faults []apperr.FieldError, pointer string, d Date) []apperr.FieldError {
	if d.IsZero() || d.Time().Year() >= 1 {
		return faults
	}
	return append(faults, apperr.FieldError{Pointer: pointer, Detail: "must be in the year 0001 or later"})
}

// validChange says whether old, of this product, may become d.
func (d Draft) validChange(old Draft, product Product) error {
	var faults []apperr.FieldError
	if d.Product != old.Product {
		faults = append(faults, apperr.FieldError{Pointer: "/product", Detail: "never changes"})
	}
	if d.Market != old.Market {
		faults = append(faults, apperr.FieldError{Pointer: "/market", Detail: "never changes"})
	}
	faults = appendDateFaults(faults, d)
	if product.Discontinued {
		faults = appendExtensionFaults(faults, old, d)
	}
	return invalid(faults)
}

// appendExtensionFaults keeps the offer of a discontinued product from growing: it may begin later or not at all and
// end earlier, but neither be brought forward nor put off.
func appendExtensionFaults(faults []apperr.FieldError, old, d Draft) []apperr.FieldError {
	if !d.Start.IsZero() && (old.Start.IsZero() || d.Start.Before(old.Start)) {
		faults = append(faults, apperr.FieldError{
			Pointer: pointerStart, Detail: "cannot be brought forward while the product is discontinued",
		})
	}
	if !old.End.IsZero() && d.openAfter(old.End) {
		faults = append(faults, apperr.FieldError{
			Pointer: pointerEnd, Detail: "cannot be put off while the product is discontinued",
		})
	}
	return faults
}

// openAfter says whether the offer goes on after the day.
func (d Draft) openAfter(day Date) bool { return d.End.IsZero() || day.Before(d.End) }

// ended returns d with its end on the day, or on its first day where that is later.
func (d Draft) ended(day Date) Draft {
	if !d.openAfter(day) {
		return d
	}
	d.End = day
	if !d.Start.IsZero() && day.Before(d.Start) {
		d.End = d.Start
	}
	return d
}
