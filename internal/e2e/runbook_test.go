package e2e

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// The tests of docs/operations.md type its commands as they stand there.

var (
	sectionHeading = regexp.MustCompile(`(?m)^## (.+)$`)
	shellBlock     = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
)

// operations returns the commands of each section of the document, by the names in its heading.
func operations(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string][]string{}
	headings := sectionHeading.FindAllSubmatchIndex(text, -1)
	for i, h := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		commands := []string{}
		for _, block := range shellBlock.FindAllSubmatch(text[h[1]:end], -1) {
			for line := range strings.Lines(string(block[1])) {
				commands = append(commands, strings.TrimSpace(line))
			}
		}
		for name := range strings.SplitSeq(string(text[h[2]:h[3]]), ", ") {
			sections[name] = commands
		}
	}
	return sections
}

// Every code that a service can show has a section.
func TestEveryHaltHasASection(t *testing.T) {
	t.Parallel()
	codes := []string{consumer.AnotherDatabase, consumer.CopyConflict, "dead_letters"}
	for _, c := range outbox.HaltCodes() {
		codes = append(codes, string(c))
	}
	for _, c := range consumer.HaltCodes() {
		codes = append(codes, string(c))
	}
	sections := operations(t)
	for _, c := range codes {
		if _, ok := sections[c]; !ok {
			t.Errorf("docs/operations.md has no section %s", c)
		}
	}
	for name := range sections {
		if name != "First look" && !slices.Contains(codes, name) {
			t.Errorf("docs/operations.md has the section %s, but nothing shows this code", name)
		}
	}
}

var words = regexp.MustCompile(`"[^"]*"|\S+`)

// typeIn types the commands of a section. Each must succeed.
func (s *system) typeIn(section string, replace ...string) {
	s.t.Helper()
	commands := operations(s.t)[section]
	if len(commands) == 0 {
		s.t.Fatalf("the section %s has no commands", section)
	}
	for _, line := range commands {
		args := words.FindAllString(strings.NewReplacer(replace...).Replace(line), -1)
		for i := range args {
			args[i] = strings.Trim(args[i], `"`)
		}
		database := map[string]string{"monolith": s.monolithDB, "catalog": s.catalogDB}[args[0]]
		r := command(s.t, s.env(database), args[0], args[1:]...).ok(s.t)
		s.t.Logf("$ %s\n%s", line, r.stdout)
	}
}

// degraded waits until a service shows a code.
func (s *system) degraded(p *process, code string) {
	s.t.Helper()
	eventually(s.t, p.name+" shows "+code, func() bool { return contains(call(s.t, http.MethodGet, p.url("/readyz"), nil).raw, code) })
}

// noLongerDegraded waits until a service no longer shows a code.
func (s *system) noLongerDegraded(p *process, code string) {
	s.t.Helper()
	eventually(s.t, p.name+" no longer shows "+code, func() bool {
		r := call(s.t, http.MethodGet, p.url("/readyz"), nil)
		return r.status == http.StatusOK && !contains(r.raw, code)
	})
}
