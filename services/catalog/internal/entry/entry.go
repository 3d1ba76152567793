// Package entry has the rules of catalog entries. An entry says that a product is offered in a market. The catalog owns the
// entries. Every change here publishes an event.
package entry

import (
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Draft is the part of an entry that callers set.
type Draft struct {
	Product uuid.UUID // never changes
	Market  string    // ISO 3166-1 alpha-2; never changes; unique for a product, among entries that are not deleted
	Start   Date      // the first day of the offer; zero if it is not scheduled yet
	End     Date      // the last day of the offer, not before Start; zero if it has no end
}

// Entry says that a product is offered in a market.
type Entry struct {
	ID uuid.UUID
	Draft
	Deleted   bool  // the row is kept, so that its id is never used again
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch holds new values of an entry. Nil leaves a field unchanged.
type Patch struct {
	Product *uuid.UUID // must be the entry's own product
	Market  *string    // must be the entry's own market
	Start   *Date
	End     *Date
}

// applied returns d with the changes of the patch.
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

// Draft returns a draft with the values of the patch only.
func (p Patch) Draft() Draft { return p.applied(Draft{}) }

// Replacing returns a patch that removes the dates that p leaves unchanged.
func (p Patch) Replacing() Patch {
	if p.Start == nil {
		p.Start = new(Date)
	}
	if p.End == nil {
		p.End = new(Date)
	}
	return p
}

var code = regexp.MustCompile(`^[A-Z]{2}$`)

// Validate returns an Invalid error that lists every rule that the draft breaks by itself. Whether its product and its
// market exist is checked when the entry is created.
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

// The pointers of faults in the dates.
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

// appendYearFaults refuses the year 0. Dates in JSON can have it, but PostgreSQL has no year 0, so copies could not store it.
func appendYearFaults(faults []apperr.FieldError, pointer string, d Date) []apperr.FieldError {
	if d.IsZero() || d.Time().Year() >= 1 {
		return faults
	}
	return append(faults, apperr.FieldError{Pointer: pointer, Detail: "must be in the year 0001 or later"})
}

// validChange returns an Invalid error if old may not be changed to d. product is the state of its product.
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

// appendExtensionFaults refuses to extend the offer of a discontinued product. The offer may start later or not at all, and
// end earlier. It may not start earlier or end later.
func appendExtensionFaults(faults []apperr.FieldError, old, d Draft) []apperr.FieldError {
	if !d.Start.IsZero() && (old.Start.IsZero() || d.Start.Before(old.Start)) {
		faults = append(faults, apperr.FieldError{
			Pointer: pointerStart, Detail: "cannot be moved to an earlier day while the product is discontinued",
		})
	}
	if !old.End.IsZero() && d.openAfter(old.End) {
		faults = append(faults, apperr.FieldError{
			Pointer: pointerEnd, Detail: "cannot be moved to a later day while the product is discontinued",
		})
	}
	return faults
}

// openAfter reports whether the offer continues after the day.
func (d Draft) openAfter(day Date) bool { return d.End.IsZero() || day.Before(d.End) }

// ended returns d with its end on the day, or on its first day if that is later. An offer that ends earlier is unchanged.
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
