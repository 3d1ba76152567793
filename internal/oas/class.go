package oas

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
)

// classOf returns the class of an operation. Every operation has one: what reads and does not end with a key is a list.
func classOf(method, path string) admission.Class {
	switch {
	case method != http.MethodGet && method != http.MethodHead:
		return admission.Write
	case strings.HasSuffix(path, "}"):
		return admission.Read
	default:
		return admission.List
	}
}

// Classes returns the class of each operation, by operationId.
func (v *Validator) Classes() map[string]admission.Class {
	classes := make(map[string]admission.Class, len(v.operations))
	for id, o := range v.operations {
		classes[id] = o.class
	}
	return classes
}

// admit runs the handler of a valid request, if the service takes one more of its class.
func (o *operation) admit(c echo.Context, next echo.HandlerFunc) (err error) {
	if o.cfg.Admit == nil {
		return next(c)
	}
	entity := ""
	if o.class == admission.Write && strings.HasSuffix(o.route.Path, "}") {
		entity = c.Request().URL.Path
	}
	ctx, leave, err := o.cfg.Admit(c.Request().Context(), o.class, entity)
	if err != nil {
		return err
	}
	defer func() { leave(err) }() // also if the handler panics to cut off a stream
	c.SetRequest(c.Request().WithContext(ctx))
	c.Response().Writer = admission.Writer(ctx, c.Response().Writer)
	return next(c)
}
