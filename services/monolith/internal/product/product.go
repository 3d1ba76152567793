// Package product has the rules of products, which the monolith owns. Every change here publishes an event.
package product

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// The maximum lengths of the trimmed texts, in code points.
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

// Trimmed returns d without the white space around its texts.
func (d Draft) Trimmed() Draft {
	d.Name, d.Category = strings.TrimSpace(d.Name), strings.TrimSpace(d.Category)
	return d
}

// Validate returns an Invalid error that lists every rule that the trimmed draft breaks.
func (d Draft) Validate() error {
	var faults []apperr.FieldError
	faults = appendTextFaults(faults, "/name", d.Name, MaxName)
	faults = appendTextFaults(faults, "/product_category", d.Category, MaxCategory)
	return apperr.InvalidFields("The product is not valid.", faults...)
}

// appendTextFaults refuses a text that is too long or that PostgreSQL cannot store: NUL (H15 NUL in a text), and bytes that
// are not UTF-8.
func appendTextFaults(faults []apperr.FieldError, pointer, text string, longest int) []apperr.FieldError {
	fault := func(detail string) {
		faults = append(faults, apperr.FieldError{Pointer: pointer, Detail: detail})
	}
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		fault("must not be blank")
	case n > longest:
		fault(fmt.Sprintf("has %d characters, at most %d are allowed", n, longest))
	}
	if strings.ContainsRune(text, 0) {
		fault("must not contain the character U+0000")
	}
	if !utf8.ValidString(text) {
		fault("must be valid UTF-8")
	}
	return faults
}
