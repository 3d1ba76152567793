package oas_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/oas"
)

type admittedKey struct{}

// A valid request is admitted by its class before its handler runs, and leaves with the handler's error. A request that is
// refused, or not valid, does not reach its handler.
func TestAdmission(t *testing.T) {
	t.Parallel()
	failed := errors.New("the handler has failed")
	for name, tt := range map[string]struct {
		method, target, body string
		entity               string
		class                admission.Class // "" if the request is not valid
		refuse, fail         error
		status               int
	}{
		"List":    {method: "GET", target: "/things", class: admission.List, status: 200},
		"Create":  {method: "POST", target: "/things", body: `{"name":"a"}`, class: admission.Write, status: 200},
		"Change":  {method: "PATCH", target: "/things/7", body: `{"name":"a"}`, class: admission.Write, entity: "/things/7", status: 200},
		"Invalid": {method: "GET", target: "/things?unknown=1", status: 422},
		"Failed":  {method: "GET", target: "/things", class: admission.List, fail: failed, status: 500},
		"Refused": {method: "GET", target: "/things", class: admission.List, refuse: admission.Overloaded("later"), status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var entered []admission.Class
			var left []error
			b := setupWith(t, document(t), oas.Config{MaxBody: 1000, Admit: func(ctx context.Context, class admission.Class, entity string) (context.Context, func(error), error) {
				entered = append(entered, class)
				if entity != tt.entity {
					t.Errorf("the entity is %q, want %q", entity, tt.entity)
				}
				return context.WithValue(ctx, admittedKey{}, true), func(err error) { left = append(left, err) }, tt.refuse
			}})
			ran := false
			b.answer = func(c echo.Context) error {
				ran = c.Request().Context().Value(admittedKey{}) == true
				if tt.fail != nil {
					return tt.fail
				}
				return c.JSON(http.StatusOK, []any{})
			}
			mediaType := "application/json"
			if tt.method == http.MethodPatch {
				mediaType = "application/merge-patch+json"
			}
			w, _ := b.do(tt.method, tt.target, tt.body, "Content-Type", mediaType)
			admitted := tt.class != "" && tt.refuse == nil
			if w.Code != tt.status || ran != admitted || len(left) > 0 != admitted {
				t.Errorf("status %d, the handler has run with the context: %t, left with %v", w.Code, ran, left)
			}
			if tt.class != "" && (len(entered) != 1 || entered[0] != tt.class) || tt.class == "" && entered != nil {
				t.Errorf("admitted as %v, want %q", entered, tt.class)
			}
			if admitted && (len(left) != 1 || !errors.Is(left[0], tt.fail)) {
				t.Errorf("left with %v, want %v", left, tt.fail)
			}
			if tt.status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}
