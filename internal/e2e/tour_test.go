//go:build !realkafka

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// reads are what the commands of the README's tour show that only read, in their order. A reader takes a moment for each
// command. The test repeats a command that only reads until it shows this.
var reads = []string{
	`"name":"Walnut desk"`,                                             // the catalog has its copy
	`"availability_date":"2026-01-01"`,                                 // the monolith shows the entry
	`"state":"done"`,                                                   // the owner has carried out the request
	`"availability_end_date":"\d{4}-`,                                  // the catalog has ended it
	`"availability_end_date":"\d{4}-`,                                  // and the monolith knows
	`"status":"degraded".*(cannot be reached|does not answer in time)`, // Kafka is away
	`"name":"Oak desk"`,                                                // Kafka is back
}

var (
	tour       = regexp.MustCompile(`(?ms)^## A tour\n(.*?)^## `)
	assignment = regexp.MustCompile(`^([A-Z]+)=(\$\(.*\))$`)
)

// takeTheTour runs the commands of the README's tour as they stand there, apart from the addresses and the process id.
func (d *demo) takeTheTour() {
	d.t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		d.t.Fatal("the commands of the README's tour need curl")
	}
	began := time.Now()
	variables, expected := []string{}, reads
	for _, line := range d.tourCommands() {
		switch m := assignment.FindStringSubmatch(line); {
		case m != nil:
			variables = append(variables, m[1]+"="+d.untilItShows(variables, `printf %s "`+m[2]+`"`, `^\S+$`))
		case strings.HasPrefix(line, "sleep "): // untilItShows waits instead
		case strings.HasPrefix(line, "kill "):
			before := strings.Count(d.out.String(), "Kafka is")
			d.shell(variables, line).ok(d.t)
			eventually(d.t, "the signal is obeyed", func() bool { return strings.Count(d.out.String(), "Kafka is") > before })
		case strings.Contains(line, " -d "):
			d.shell(variables, line).ok(d.t)
		case len(expected) == 0:
			d.t.Fatalf("the tour has a new command that only reads; add to reads what it shows: %s", line)
		default:
			d.untilItShows(variables, line, expected[0])
			expected = expected[1:]
		}
	}
	if len(expected) > 0 {
		d.t.Errorf("the tour has no commands that show %q", expected)
	}
	d.t.Logf("the tour took %v", time.Since(began))
}

// tourCommands returns the commands for this demo, one for each line. A backslash at the end of a line continues it.
func (d *demo) tourCommands() (commands []string) {
	d.t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		d.t.Fatal(err)
	}
	chapter := tour.FindSubmatch(text)
	if chapter == nil {
		d.t.Fatal("the README has no tour")
	}
	here := strings.NewReplacer("localhost:8000", strings.TrimPrefix(d.monolith, "http://"),
		"localhost:8001", strings.TrimPrefix(d.catalog, "http://"),
		"$(pgrep -x demo)", fmt.Sprint(d.cmd.Process.Pid), "curl -s ", "curl -s --show-error --fail ", "\\\n", "")
	for _, block := range shellBlock.FindAllSubmatch(chapter[1], -1) {
		for line := range strings.Lines(here.Replace(string(block[1]))) {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands
}

func (d *demo) shell(variables []string, line string) result {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), "sh", "-euc", line)
	cmd.Env = append(environment(), variables...)
	return finish(d.t, cmd)
}

// untilItShows repeats a command until its output matches, and returns the output.
func (d *demo) untilItShows(variables []string, line, pattern string) (out string) {
	d.t.Helper()
	expression := regexp.MustCompile(pattern)
	eventually(d.t, line+" shows "+pattern, func() bool {
		out = d.shell(variables, line).stdout
		return expression.MatchString(out)
	})
	return out
}
