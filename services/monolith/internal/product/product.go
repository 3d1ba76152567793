// Package product is what the monolith knows about products. It owns them: every change made here is announced to
// whoever listens.
package product

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// The longest texts, in code points, after trimming.
const (
	MaxName     = 100
	MaxCategory = 25
)

// Draft is what a caller decides about a product.
type Draft struct {
	Name         string // unique within its category, among products that are not deleted
	Category     string
	Discontinued bool
}

// Product is something the company sells.
type Product struct {
	ID   int64     // the monolith's own; other services never see it
	UUID uuid.UUID // the id across services
	Draft
	Deleted   bool  // kept, so that a product that comes back goes on with its next version
	Version   int64 // counts the changes from 1, without gaps; events carry it
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Patch says which parts of a product change; nil leaves them as they are.
type Patch struct {
	Name         *string
	Category     *string
	Discontinued *bool
}

// applied returns d with the patch's changes.
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

// appendTextFaults refuses what PostgreSQL cannot store (NUL, and bytes that are not UTF-8) and what is too long.
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
