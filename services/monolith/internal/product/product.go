// Package product has the rules of products, which the monolith owns. Every change here publishes an event.
package product

import (
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/nametext"
)

// The maximum lengths of the cleaned texts, in code points.
const (
	MaxName     = 100
	MaxCategory = 25
)

// Draft is the part of a product that callers set.
type Draft struct {
	Name         string // unique within its category, among products that are not deleted
	Category     string
	Discontinued bool
}

// Product is something the company sells.
type Product struct {
	ID   int64     // the monolith's own id; other services never see it
	UUID uuid.UUID // the id in all services
	Draft
	Deleted   bool  // the row is kept, so that a product that comes back gets its next version
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch holds new values of a product. Nil leaves a field unchanged.
type Patch struct {
	Name         *string
	Category     *string
	Discontinued *bool
}

// applied returns d with the changes of the patch.
func (p Patch) applied(d Draft) Draft {
	if p.Name != nil {
		d.Name = *p.Name
	}
	if p.Category != nil {
		d.Category = *p.Category
	}
	if p.Discontinued != nil {
		d.Discontinued = *p.Discontinued
	}
	return d
}

// Cleaned returns d with its texts in the form in which they are stored.
func (d Draft) Cleaned() Draft {
	d.Name, d.Category = nametext.Clean(d.Name), nametext.Clean(d.Category)
	return d
}

// Validate returns an Invalid error that lists every rule that the cleaned draft breaks.
func (d Draft) Validate() error {
	var faults []apperr.FieldError
	faults = appendTextFaults(faults, "/name", d.Name, MaxName)
	faults = appendTextFaults(faults, "/product_category", d.Category, MaxCategory)
	return apperr.InvalidFields("The product is not valid.", faults...)
}

func appendTextFaults(faults []apperr.FieldError, pointer, text string, longest int) []apperr.FieldError {
	for _, detail := range nametext.Faults(text, longest) {
		faults = append(faults, apperr.FieldError{Pointer: pointer, Detail: detail})
	}
	return faults
}
