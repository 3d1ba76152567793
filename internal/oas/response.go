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
	if err := o.described(in, h, res.Header()); err != nil {
		o.cfg.OnResponse(c.Request().Context(), fmt.Errorf("%s %s answered %d: %w", o.route.Method, o.route.Path, h.status, err))
	}
	to.WriteHeader(h.status)
	if h.body.Len() == 0 {
		return nil // with some statuses even that would be a body too many
	}
	_, err := to.Write(h.body.Bytes())
	return err
}

// described says in what an answer differs from the document. The library itself passes over a body where none is
// described, and over 304.
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
		return errors.New("there is a body where the document has none")
	}
	answered := *in
	answered.Route = o.answers
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: &answered, Status: h.status, Header: header, Options: o.options}
	return openapi3filter.ValidateResponse(in.Request.Context(), out.SetBodyBytes(h.body.Bytes()))
}

// closeAnswers refuses undocumented members in the objects of every answer: a caller has to pass over what it does not
// know, but a service must not send what it does not document. Objects without documented members stay open.
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
	// A part of an allOf has to let the other parts' members pass.
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
