package apiclient_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The README must show exactly the code that the examples run.
func TestReadmeShowsTheExamples(t *testing.T) {
	t.Parallel()
	flat := func(text string) string { return regexp.MustCompile(`(?m)^\s+`).ReplaceAllString(text, "") }
	var examples strings.Builder
	for _, client := range []string{"monolithclient", "catalogclient"} {
		examples.WriteString(flat(string(must(os.ReadFile("../" + client + "/example_test.go")))))
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(must(os.ReadFile("../README.md"))), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no code")
	}
	for _, block := range blocks {
		if !strings.Contains(examples.String(), flat(block[1])) {
			t.Errorf("no example has\n%s", block[1])
		}
	}
}
