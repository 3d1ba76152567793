package oas

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
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

// Flush does nothing, because the answer is sent as a whole.
func (h *held) Flush() {}

// Unwrap lets http.ResponseController set the deadlines of the connection.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// hold runs f, which writes an answer, and keeps the answer back.
func hold(res *echo.Response, f func() error) (*held, error) {
	to := res.Writer
	h := &held{ResponseWriter: to}
	// A panic, and whoever answers it, writes to the client directly.
	defer func() { res.Writer = to }()
	res.Writer = h
	if err := f(); err != nil {
		return nil, err
	}
	h.WriteHeader(http.StatusOK) // unless f has
	return h, nil
}

// send sends the answer.
func (h *held) send() error {
	h.ResponseWriter.WriteHeader(h.status)
	if h.body.Len() == 0 {
		return nil // some statuses forbid even an empty write
	}
	_, err := h.ResponseWriter.Write(h.body.Bytes())
	return err
}

// checkResponse runs the handler, checks its answer, and sends it. It checks problems too.
func (o *operation) checkResponse(c echo.Context, in *openapi3filter.RequestValidationInput, next echo.HandlerFunc) error {
	res := c.Response()
	h, _ := hold(res, func() error {
		if err := next(c); err != nil {
			c.Error(err)
		}
		return nil
	})
	if err := o.described(in, h, res.Header()); err != nil {
		o.cfg.OnResponse(c.Request().Context(), fmt.Errorf("%s %s answered %d: %w", o.route.Method, o.route.Path, h.status, err))
	}
	return h.send()
}

// described returns an error if an answer differs from the document. The library itself does not check 304, and does not
// notice a body where the document describes none.
func (o *operation) described(in *openapi3filter.RequestValidationInput, h *held, header http.Header) error {
	responses := o.answers.Operation.Responses
	response := responses.Status(h.status)
	if response == nil && h.status >= http.StatusBadRequest {
		response = responses.Default()
	}
	switch {
	case response == nil:
		return errors.New("status is not supported")
	case len(response.Value.Content) == 0 && h.body.Len() > 0:
		return errors.New("the answer has a body, but the document describes none")
	}
	answered := *in
	answered.Route = o.answers
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: &answered, Status: h.status, Header: header, Options: o.options}
	return openapi3filter.ValidateResponse(in.Request.Context(), out.SetBodyBytes(h.body.Bytes()))
}

// closeAnswers makes every answer refuse members that are not documented. A caller must ignore members that it does not
// know, but a service must not send members that it does not document. Objects without documented members stay open.
func closeAnswers(doc *openapi3.T) {
	seen := map[*openapi3.Schema]bool{}
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, response := range op.Responses.Map() {
				for _, media := range response.Value.Content {
					closeObjects(media.Schema, seen)
				}
			}
		}
	}
}

func closeObjects(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	// A part of an allOf must accept the members of the other parts.
	if len(s.Properties) > 0 && len(s.AllOf) == 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
	closeObjects(s.Items, seen)
	for _, member := range s.Properties {
		closeObjects(member, seen)
	}
	for _, choice := range slices.Concat(s.AnyOf, s.OneOf) {
		closeObjects(choice, seen)
	}
}
