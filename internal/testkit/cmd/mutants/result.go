package main

import (
	"bytes"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// result is what "go test -json" reported.
type result struct {
	verdicts map[string]string // "pass", "fail" or "skip", by the test's name
	said     map[string]string // what each test printed
	output   string            // all of it, to be shown
	crashed  bool              // the test binary ended with a panic: its own, or that of the time-out
	err      error             // of the command
}

func parse(out []byte, err error) result {
	r := result{verdicts: map[string]string{}, said: map[string]string{}, err: err}
	var shown strings.Builder
	for line := range bytes.Lines(out) {
		var event struct{ Action, Test, Output string }
		if strictjson.Unmarshal(line, &event) != nil {
			shown.Write(line) // the compiler's messages, for example
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			r.verdicts[event.Test] = event.Action
		case "output", "build-output":
			shown.WriteString(event.Output)
			r.said[event.Test] += event.Output
			r.crashed = r.crashed || strings.HasPrefix(event.Output, "panic: ") || strings.HasPrefix(event.Output, "fatal error: ")
		}
	}
	r.output = shown.String()
	return r
}

// passed reports whether the test ran and passed, and nothing else failed.
func (r result) passed(test string) bool { return r.err == nil && r.verdicts[test] == "pass" }

// saidBy returns what the test and its subtests printed.
func (r result) saidBy(test string) string {
	var all strings.Builder
	for name, text := range r.said {
		if name == test || strings.HasPrefix(name, test+"/") {
			all.WriteString(text)
		}
	}
	return all.String()
}
