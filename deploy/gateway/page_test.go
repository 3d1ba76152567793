package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/deploy/gateway"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var link = regexp.MustCompile(`<a href="([^"]*)"`)

func pageLinks(page string) (links []string) {
	for _, match := range link.FindAllStringSubmatch(page, -1) {
		links = append(links, match[1])
	}
	return links
}

// The content security policy allows the page's own style and nothing else. The page uses nothing else.
func TestPageKeepsItsPolicy(t *testing.T) {
	t.Parallel()
	page, policy := readFile(t, "page/index.html"), readFile(t, "snippets/page.conf")
	styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(page, -1)
	if len(styles) != 1 {
		t.Fatalf("%d style elements", len(styles))
	}
	sum := sha256.Sum256([]byte(styles[0][1]))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if !strings.Contains(policy, want) {
		t.Errorf("page.conf must have %s", want)
	}
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Error("page.conf allows too much")
	}
	for _, forbidden := range []string{"<script", " style=", " onclick", "<link rel=\"stylesheet", "src=", "url(", "@import"} {
		if strings.Contains(page, forbidden) {
			t.Errorf("the page has %s", forbidden)
		}
	}
}

func TestPageLinksToEveryService(t *testing.T) {
	t.Parallel()
	routes, found := table(t), map[string]bool{}
	for _, link := range pageLinks(readFile(t, "page/index.html")) {
		if gateway.Match(routes, link) == "" {
			t.Errorf("%s goes nowhere", link)
		}
		found[link] = true
	}
	wanted := []string{"/docs", "/docs/events", "/api/v1/product", "/catalog/api/v1"}
	for _, service := range split(t) {
		wanted = append(wanted, "/"+service+"/docs", "/"+service+"/docs/events")
	}
	for _, link := range wanted {
		if !found[link] {
			t.Errorf("the page does not link to %s", link)
		}
	}
}

// All problems of the gateway are documented. A problem's location, its type and its status agree.
func TestProblemsAreDocumented(t *testing.T) {
	t.Parallel()
	documented := map[string]string{} // name → status
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d+) \\|").FindAllStringSubmatch(readFile(t, "../../docs/problems.md"), -1) {
		documented[row[1]] = row[2]
	}
	line := regexp.MustCompile(`= /.gateway/problem/([a-z-]+) \{\s+return (\d+) '\{"type":"https://monsplit.github.io/problems/([a-z-]+)",` +
		`"title":"([^"]+)","status":(\d+),"detail":"[^"]+","request_id":"\$gateway_request_id"\}\\n';`)
	config := readFile(t, "snippets/problems.conf")
	problems := line.FindAllStringSubmatch(config, -1)
	if len(problems) != strings.Count(config, "return ") || len(problems) == 0 {
		t.Errorf("%d of %d problems can be read", len(problems), strings.Count(config, "return "))
	}
	for _, p := range problems {
		status, err := strconv.Atoi(p[2])
		if err != nil || p[1] != p[3] || p[2] != p[5] || p[4] != http.StatusText(status) || documented[p[1]] != p[2] {
			t.Errorf("%s: %q, documented is %q", p[1], p[2:], documented[p[1]])
		}
	}
}
