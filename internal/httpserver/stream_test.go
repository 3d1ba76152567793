package httpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

func numbers(n int, fail error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if fail != nil {
			yield(0, fail)
		}
	}
}

var limits = httpserver.StreamLimits{Part: time.Minute, Total: time.Minute}

func TestStreamArray(t *testing.T) {
	t.Parallel()
	stream := func(n int, fail error) echo.HandlerFunc {
		return func(c echo.Context) error {
			return httpserver.StreamArray(c.Request().Context(), c.Response(), limits, numbers(n, fail))
		}
	}
	away := apperr.New(apperr.Unavailable, "away")
	tests := map[string]struct {
		n      int
		fail   error
		status int
		check  func(text string) bool
	}{
		"Empty":          {0, nil, 200, func(s string) bool { return s == "[]\n" }},
		"Some":           {3, nil, 200, func(s string) bool { return s == "[0,1,2]\n" }},
		"FailsAtOnce":    {0, away, 503, func(s string) bool { return strings.Contains(s, "problems/unavailable") }},
		"FailsEarly":     {3, away, 0, func(s string) bool { return strings.Contains(s, "cut off") }},
		"FailsInTheFlow": {100_000, away, 200, func(s string) bool { return strings.Contains(s, "cut off") }},
		"Long":           {100_000, nil, 200, func(s string) bool { return json.Valid([]byte(s)) && strings.HasSuffix(s, ",99999]\n") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stream(tt.n, tt.fail))
			if resp, text := b.get("/it"); resp.StatusCode != tt.status || !tt.check(text) {
				t.Errorf("answered %d %.80s", resp.StatusCode, text)
			}
		})
	}
}

// The first items are sent before the last one has been read.
func TestStreamArrayDoesNotGatherTheList(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	items := func(yield func(string, error) bool) {
		for i := 0; ; i++ {
			if i == 5000 { // more than is collected before it is sent
				<-goOn
				return
			}
			if !yield("some item or other", nil) {
				return
			}
		}
	}
	b := setup(t, func(c echo.Context) error {
		return httpserver.StreamArray(c.Request().Context(), c.Response(), limits, items)
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/it", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := bufio.NewReader(resp.Body).ReadString(','); err != nil || text != `["some item or other",` {
		t.Errorf("read %q, %v", text, err)
	}
	close(goOn)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
}

// A client that takes each part in time cannot keep a list open forever.
func TestStreamArrayEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, endless)
	if resp, text := b.get("/it"); !strings.Contains(text, "cut off") { // on a slow machine even before its first part
		t.Errorf("answered %d %.80s", resp.StatusCode, text)
	}
	b.logs("The list took longer than 50ms")
}

// The log tells the limit also if it ends a write to a client that does not read.
func TestStreamArrayEndsInAWrite(t *testing.T) {
	t.Parallel()
	b := setup(t, endless)
	if _, err := io.WriteString(b.dial(), "GET /it HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b.logs("The list took longer than 50ms")
}

// endless answers with a list without end, which may take only a short time.
func endless(c echo.Context) error {
	limits := httpserver.StreamLimits{Part: time.Minute, Total: 50 * time.Millisecond}
	return httpserver.StreamArray(c.Request().Context(), c.Response(), limits, func(yield func(int, error) bool) {
		for i := 0; yield(i, nil); i++ {
		}
	})
}

// A part that waits for its client has no place. The rows of the next part are read with one.
func TestAStreamReadsWithAPlace(t *testing.T) {
	t.Parallel()
	gate := admission.New(admission.Settings{Lists: 1}, admission.Entities{})
	other := func(end func(context.Context) (context.Context, context.CancelFunc)) error { // another list reads its next part
		ctx, leave, err := gate.Enter(t.Context(), admission.List, "")
		if err != nil {
			return err
		}
		_, err = admission.Send(ctx, func() {}, func() (int, error) { return 0, nil })
		ctx, cancel := end(ctx)
		defer cancel()
		err = errors.Join(err, admission.Next(ctx))
		leave(err)
		return err
	}
	atOnce := func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, 0) }
	part := strings.Repeat("x", 100<<10)
	list := httpserver.List[int, int, string]{Encode: func(int) string { return part }, Read: func(int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for n := range 3 {
				if !yield(n, nil) {
					return
				}
				if other(atOnce) == nil {
					t.Errorf("after part %d, the list reads without a place", n)
				}
			}
		}
	}}
	ctx, leave, err := gate.Enter(t.Context(), admission.List, "")
	if err != nil {
		t.Fatal(err)
	}
	writes := 0
	w := admission.Writer(ctx, writerFunc{httptest.NewRecorder(), func(p []byte) (int, error) {
		writes++
		return len(p), other(context.WithCancel)
	}})
	err = list.Stream(ctx, w, limits)
	leave(err)
	if err != nil || writes < 3 {
		t.Errorf("%d writes, %v", writes, err)
	}
}

// writerFunc is the writer of an answer whose body goes to write.
type writerFunc struct {
	http.ResponseWriter
	write func(p []byte) (int, error)
}

func (w writerFunc) Write(p []byte) (int, error) { return w.write(p) }

// HEAD tells whether the list can be asked for. It reads nothing, so it knows neither the length nor the next page.
func TestHeadOfAListReadsNothing(t *testing.T) {
	t.Parallel()
	read := false
	list := httpserver.List[int, int, int]{
		Read:     func(int) iter.Seq2[int, error] { read = true; return numbers(3, nil) },
		Position: func(n int) int { return n }, Encode: func(n int) int { return n },
	}
	for name, answer := range map[string]echo.HandlerFunc{
		"a page": func(c echo.Context) error {
			page, link, err := list.Page(c.Request().Context(), 2)
			if link != "" {
				c.Response().Header().Set("Link", link)
			}
			return errors.Join(err, c.JSON(http.StatusOK, page))
		},
		"all": func(c echo.Context) error { return list.Stream(c.Request().Context(), c.Response(), limits) },
	} {
		read = false
		b := setup(t, answer)
		resp, text := b.do(http.MethodHead, "/it")
		if resp.StatusCode != http.StatusOK || text != "" || resp.ContentLength != -1 || resp.Header.Get("Link") != "" ||
			!strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") || read {
			t.Errorf("%s: HEAD gives %d %v, and read is %t", name, resp.StatusCode, resp.Header, read)
		}
		if resp, text := b.get("/it"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(text, "[0,1") || !read {
			t.Errorf("%s: GET gives %d %q", name, resp.StatusCode, text)
		}
	}
}

// The system keeps little for a client that does not read. Otherwise every slow reader of a long list would get some MiB at once.
func TestLittleIsSentAhead(t *testing.T) {
	t.Parallel()
	written := make(chan int, 1)
	b := setup(t, func(c echo.Context) error {
		sum, part := 0, make([]byte, 16<<10)
		for {
			n, err := c.Response().Write(part)
			sum += n
			if err != nil {
				written <- sum
				return err
			}
		}
	}, func(c *httpserver.Config) { c.WriteTimeout = time.Second })
	conn := b.dial()
	if err := conn.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /it HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if sum := <-written; sum > 1<<20 {
		t.Errorf("%d bytes were taken for a client that reads nothing", sum)
	}
}
