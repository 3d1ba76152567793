//go:build gateway

package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/services/monolith"
)

// withAdmin starts a gateway and a monolith with admin pages. It returns the function that stops the monolith.
func withAdmin(t *testing.T, scheme string) (*nginx, func()) {
	t.Helper()
	at, stop := startWith(t, monolith.Run, map[string]string{"ADMIN_PASSWORD": "a password for tests", "HTTP_TRUSTED_PROXIES": "127.0.0.1"})
	n := setup(t, options{services: endpoints{"monolith": at}, env: map[string]string{"GATEWAY_SCHEME": scheme}})
	eventually(t, "the sign-in is ready", func() bool { return n.get(8080, "/admin/sign-in").status == 200 })
	return n, stop
}

// form sends a form as a browser does.
func (n *nginx) form(path string, values url.Values, headers ...string) answer {
	n.t.Helper()
	return n.do(http.MethodPost, 8080, path, values.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// signIn returns the cookie of a session, as the service has set it.
func (n *nginx) signIn() (cookie *http.Cookie) {
	n.t.Helper()
	a := n.form("/admin/sign-in", url.Values{"name": {"admin"}, "password": {"a password for tests"}}, "Origin", "http://"+n.ports[8080])
	cookies := (&http.Response{Header: a.header}).Cookies()
	if a.status != 303 || a.header.Get("Location") != "/admin" || len(cookies) != 1 {
		n.t.Fatalf("%d to %q with %d cookies: %s", a.status, a.header.Get("Location"), len(cookies), a.body)
	}
	return cookies[0]
}

// People work with the admin pages through the gateway as they do without it.
func TestGatewayAdmin(t *testing.T) {
	t.Parallel()
	n, stop := withAdmin(t, "http")
	cookie := n.signIn()
	if cookie.Secure || !cookie.HttpOnly || cookie.Path != "/admin" {
		t.Errorf("the cookie is %s", cookie)
	}
	session := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	chair := url.Values{"name": {"Chair"}, "product_category": {"Furniture"}}
	for name, tt := range map[string]struct {
		headers []string
		status  int
	}{
		"of this site":    {[]string{"Origin", "http://" + n.ports[8080], "Sec-Fetch-Site", "same-origin"}, 303},
		"of another site": {[]string{"Origin", "http://example.com"}, 403},
		"cross-site":      {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"of another port": {[]string{"Origin", "http://" + n.ports[8000]}, 403},
	} {
		if a := n.form("/admin/products/new", chair, append(tt.headers, session...)...); a.status != tt.status {
			t.Errorf("a form %s: %d %s", name, a.status, a.body)
		}
	}
	page := n.get(8080, "/admin/products", session...)
	if page.status != 200 || strings.Count(page.body, ">Chair<") != 1 {
		t.Errorf("%d %s", page.status, page.body)
	}
	files := regexp.MustCompile(`(?:href|src)="(/admin/assets/[^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(files) < 4 {
		t.Fatalf("the page loads %q", files)
	}
	for _, file := range files {
		n.get(8080, file[1], append(session, "Accept-Encoding", "gzip, deflate, br")...)
	}
	stop()
	for _, file := range files {
		if a := n.get(8080, file[1], "Accept-Encoding", "br"); a.status != 200 || a.header.Get("Content-Encoding") != "br" {
			t.Errorf("%s: %d %q while the service is away", file[1], a.status, a.header.Get("Content-Encoding"))
		}
	}
	if a := n.get(8080, "/admin/products", session...); a.status != 502 {
		t.Errorf("a page: %d while the service is away", a.status)
	}
}

// Where a proxy in front of the gateway terminates TLS, no browser may send the cookie without TLS.
func TestGatewayBehindTLS(t *testing.T) {
	t.Parallel()
	n, _ := withAdmin(t, "https")
	if cookie := n.signIn(); !cookie.Secure {
		t.Errorf("the cookie is %s", cookie)
	}
}

// News of a change reach the browser at once, and a service that stops ends the stream cleanly.
func TestGatewayServerSentEvents(t *testing.T) {
	t.Parallel()
	n, stop := withAdmin(t, "http")
	cookie := n.signIn()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.ports[8080]+"/admin/journey/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(cookie)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	created(n)
	stream := bufio.NewReader(res.Body)
	for line := ""; !strings.Contains(line, "product created"); {
		if line, err = stream.ReadString('\n'); err != nil {
			t.Fatalf("the stream has no news: %v", err)
		}
	}
	stop()
	if rest, err := io.ReadAll(stream); err != nil {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
}
