package oas_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/oas"
)

// large counts the calls of AdmitLarge, and keeps the body that the handler has read.
type large struct {
	*bundle
	admitted, done int
	got            string
	refusal        error
}

func newLarge(t *testing.T) *large {
	t.Helper()
	l := &large{}
	l.bundle = setupWith(t, document(t), oas.Config{MaxBody: 64 << 10, AdmitLarge: func(context.Context, admission.Class) (func(), error) {
		l.admitted++
		return func() { l.done++ }, l.refusal
	}})
	l.answer = func(c echo.Context) error {
		text, err := io.ReadAll(c.Request().Body)
		l.got = string(text)
		if l.admitted != l.done {
			l.Error("the handler runs during the check of a large body")
		}
		if err != nil {
			return err
		}
		return c.NoContent(http.StatusCreated)
	}
	return l
}

func (l *large) post(body string, header ...string) (*httptest.ResponseRecorder, []string) {
	l.Helper()
	return l.do("POST", "/things", body, append(header, "Content-Type", "application/json")...)
}

// membersOf returns n members, each with this value.
func membersOf(n int, value string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%04d":%s`, i, value)
	}
	return b.String()
}

// A large body is treated as a small one with the same faults. Only faults beyond those that a problem lists are counted alone.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	zeros := "[" + strings.Repeat("0,", 20_000) + "0]"
	for name, tt := range map[string]struct {
		body   string
		status int
		faults []string
		more   int // that are not listed
	}{
		"Valid":                    {`{"name":"a","id":` + zeros + `,"note":[null,` + zeros[1:4001] + `0]}`, 201, nil, 0},
		"IgnoredMembersOfAnObject": {`{"name":"a","id":{"0":0` + membersOf(4000, "[{}]") + `}}`, 201, nil, 0},
		"AFault":                   {`{"name":"too long","id":` + zeros + `}`, 422, []string{"/name"}, 0},
		"AMissingMember":           {`{"id":` + zeros + `}`, 422, []string{"/name"}, 0},
		"NullIsNoName":             {`{"name":null,"id":` + zeros + `}`, 422, []string{"/name"}, 0},
		"NULInAnIgnoredMember":     {`{"name":"a","id":` + zeros + `,"note":["\u0000"]}`, 422, []string{"/note/0"}, 0},
		"NULInAName":               {`{"name":"\u0000","id":` + zeros + `}`, 422, []string{"/name"}, 0},
		"NoNUL":                    {`{"name":"a","id":` + zeros + `,"note":"\\u0000"}`, 201, nil, 0},
		"AnUnknownMember":          {`{"name":"a","a/b\u0041":` + zeros + `}`, 422, []string{"/a~1bA"}, 0},
		"UnknownMembersAndAFault":  {`{"name":"too long"` + membersOf(7000, "0") + `}`, 422, nil, 6951},
		"ARepeatedMember":          {`{"name":"a","id":` + zeros + `,"name":"a"}`, 400, nil, 0},
		"ARepeatedUnknownMember":   {`{"name":"a"` + membersOf(5000, "0") + `,"0000":0}`, 400, nil, 0},
		"NotAnObject":              {zeros, 422, []string{""}, 0},
		"NotJSON":                  {`{"name":"a","id":` + zeros, 400, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLarge(t)
			w, pointers := l.post(tt.body)
			if w.Code != tt.status || tt.faults != nil && !slices.Equal(pointers, tt.faults) {
				t.Errorf("%d with the faults %q, want %d, %q: %s", w.Code, pointers, tt.status, tt.faults, w.Body)
			}
			if tt.more > 0 && (len(pointers) != 50 || !strings.Contains(w.Body.String(), fmt.Sprint(tt.more, " more faults"))) {
				t.Errorf("%d faults, want 50 and %d more: %s", len(pointers), tt.more, w.Body)
			}
			if tt.status == 201 && l.got != tt.body {
				t.Errorf("the handler has read a body of %d bytes, want the whole one of %d", len(l.got), len(tt.body))
			}
			if l.admitted != 1 || l.done != 1 {
				t.Errorf("%d admissions, %d of them have ended", l.admitted, l.done)
			}
		})
	}
}

// A body has no place among the large ones if it is small or has not arrived. Who is refused one gets that answer.
func TestOnlyLargeBodiesAreAdmitted(t *testing.T) {
	t.Parallel()
	l := newLarge(t)
	tooLarge := `{"name":"` + strings.Repeat("x", 64<<10) + `"}`
	for body, status := range map[string]int{`{"name":"a"}`: 201, `{"name":"too long"}`: 422, tooLarge: 413} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/things", struct{ io.Reader }{strings.NewReader(body)})
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = -1 // the service learns the length when it reads the end
		w := httptest.NewRecorder()
		if l.handler.ServeHTTP(w, req); w.Code != status || l.admitted != 0 {
			t.Errorf("%.20s: %d with %d admissions, want %d", body, w.Code, l.admitted, status)
		}
	}
	l.refusal = admission.Overloaded("full")
	if w, _ := l.post(`{"name":"a","id":[` + strings.Repeat("0,", 5000) + `0]}`); w.Code != http.StatusServiceUnavailable || l.got != `{"name":"a"}` {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// What a body costs stays in proportion to its size, whatever it is made of. Allocations stand for the CPU time: most of it was
// needed to make values that nobody reads.
func TestLargeBodiesAreCheap(t *testing.T) { //nolint:paralleltest // it counts the allocations of the process
	l := newLarge(t)
	costs := func(body string) float64 {
		return testing.AllocsPerRun(2, func() { l.post(body) })
	}
	small := costs(`{"name":"a","x":0}`)
	for name, body := range map[string]string{
		"unknown members": `{"name":"a"` + membersOf(7000, "0") + `}`,
		"an unknown list": `{"name":"a","x":[` + strings.Repeat("{},", 20_000) + `0]}`,
		"an ignored list": `{"name":"a","id":[` + strings.Repeat("{},", 20_000) + `0]}`,
	} {
		const most = 8000 // of values alone there are 7,000 or 20,000; each needed 2 to 10 allocations
		if n := costs(body); n-small > 2*most {
			t.Errorf("%s: %.0f allocations, and %.0f for a small body", name, n, small)
		}
	}
}
