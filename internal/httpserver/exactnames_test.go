package httpserver_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Echo's own decoder would take "NAME" for the member "name".
func TestBodiesAreBoundExactly(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		var body struct {
			Name string `json:"name"`
		}
		if err := c.Bind(&body); err != nil {
			return err
		}
		return c.String(http.StatusOK, "name="+body.Name)
	})
	for body, want := range map[string]string{`{"name":"a","NAME":"b"}`: "name=a", `{"NAME":"b"}`: "name=", `{"name":1}`: "", `{`: ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/it", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if refused := res.StatusCode == http.StatusBadRequest; err != nil || refused != (want == "") || !refused && string(text) != want {
			t.Errorf("%s: got %d %s, %v; want %q", body, res.StatusCode, text, err, want)
		}
	}
}
