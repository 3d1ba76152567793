package oas

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"
)

// held keeps an answer back until it has been checked.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *held) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

// Flush does nothing: the answer is sent as a whole.
func (h *held) Flush() {}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// checkResponse runs the handler, checks its answer, problems included, and sends it.
func (o *operation) checkResponse(c echo.Context, in *openapi3filter.RequestValidationInput, next echo.HandlerFunc) error {
	res := c.Response()
	to := res.Writer
	h := &held{ResponseWriter: to}
	func() {
		// A panic unwinds past the check: whoever answers it has to reach the client.
		defer func() { res.Writer = to }()
		res.Writer = h
		if err := next(c); err != nil {
			c.Error(err)
		}
	}()
	if h.status == 0 {
		h.status = http.StatusOK
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: h.status, Header: res.Header(), Options: o.options}
	out.SetBodyBytes(h.body.Bytes())
	if err := openapi3filter.ValidateResponse(c.Request().Context(), out); err != nil {
		o.cfg.OnResponse(c.Request().Context(), fmt.Errorf("%s %s answered %d: %w", o.route.Method, o.route.Path, h.status, err))
	}
	to.WriteHeader(h.status)
	_, err := to.Write(h.body.Bytes())
	return err
}
