package httpserver_test

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/httpserver"
)

func TestPrefer(t *testing.T) {
	t.Parallel()
	const none = time.Duration(-1)
	tests := map[string]struct {
		wait  time.Duration
		async bool
	}{
		"":                                    {none, false},
		"wait=5":                              {5 * time.Second, false},
		"wait=0":                              {0, false},
		"Wait = 5":                            {5 * time.Second, false},
		`wait="5"`:                            {5 * time.Second, false},
		`wait="\5"`:                           {5 * time.Second, false},
		"wait=5; foo=bar":                     {5 * time.Second, false},
		"respond-async":                       {none, true},
		"respond-async, wait=10":              {10 * time.Second, true},
		"wait=10,RESPOND-ASYNC":               {10 * time.Second, true},
		`respond-async=""`:                    {none, true},
		"respond-async;x":                     {none, true},
		"wait=5, wait=9":                      {5 * time.Second, false},
		"wait=soon, wait=9":                   {none, false}, // the first one counts, although it means nothing
		"wait":                                {none, false},
		"wait=":                               {none, false},
		"wait=-1":                             {none, false},
		"wait=+1":                             {none, false},
		"wait=1.5":                            {none, false},
		"wait=99999999999999999999":           {1 << 31 * time.Second, false},
		"return=minimal, wait=3":              {3 * time.Second, false},
		`foo="a, wait=1; b", wait=3`:          {3 * time.Second, false},
		`foo="a\", wait=1", wait=3`:           {3 * time.Second, false},
		`foo; bar="a, respond-async", wait=3`: {3 * time.Second, false},
		"; wait=3":                            {none, false},
		", ,wait=3,":                          {3 * time.Second, false},
		`foo="not closed, wait=3`:             {none, false},
		"waiting=3":                           {none, false},
		"respond-async=1":                     {none, false},
	}
	for header, want := range tests {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			wait, async := httpserver.Prefer(&header)
			got := none
			if wait != nil {
				got = *wait
			}
			if got != want.wait || async != want.async {
				t.Errorf("Prefer: %s means wait %v, respond-async %v; want %v, %v", header, got, async, want.wait, want.async)
			}
		})
	}
	if wait, async := httpserver.Prefer(nil); wait != nil || async {
		t.Error("a request without the header prefers something")
	}
}

func TestPreferenceApplied(t *testing.T) {
	t.Parallel()
	if got := httpserver.PreferenceApplied(10 * time.Second); got != "wait=10" {
		t.Errorf("got %s", got)
	}
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", `a="b, c";d, respond-async`, `wait="\`, `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if wait, _ := httpserver.Prefer(&header); wait != nil && (*wait < 0 || *wait%time.Second != 0) {
			t.Errorf("%q means a wait of %v", header, *wait)
		}
	})
}
