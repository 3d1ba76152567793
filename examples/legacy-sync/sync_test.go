package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

const header = "product,market,availability_date,availability_end_date\n"

// result is what a run has printed, and how long it took.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// sync runs the program on a file with these rows.
func (m *fakeMonolith) sync(t *testing.T, rows string, args ...string) result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "offers.csv")
	if err := os.WriteFile(file, []byte(header+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	began := time.Now()
	code := run(t.Context(), append(args, "--monolith=http://monolith", file), &stdout, &stderr, apiclient.WithHTTPClient(&http.Client{Transport: m}))
	return result{code, stdout.String(), stderr.String(), time.Since(began)}
}

// is fails the test unless the run has ended with the code, and has printed the part of a text and nothing on stderr.
func (r result) is(t *testing.T, code int, part string) result {
	t.Helper()
	if r.code != code || !strings.Contains(r.stdout, part) || (r.stderr != "") {
		t.Errorf("exit code %d after %v, want %d with %q\n%s%s", r.code, r.took, code, part, r.stdout, r.stderr)
	}
	return r
}

const threeRows = "17,NL,2026-03-01,2026-09-30\n17,DE,,\n18,NL,2026-04-01,\n"

// A run sends what differs, and the next one sends nothing.
func TestSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(18, 3, "2026-04-01", ""), offered(19, 3, "2026-05-01", "2026-06-01"), offered(20, 4, "", ""))
		const rows = threeRows + "19,NL,2026-05-01,\n"
		m.sync(t, rows, "--dry-run").is(t, 0, "nothing was sent; a run would have: 2 created, 1 changed, 1 unchanged, 0 pending, 0 refused\n")
		if m.sent != nil {
			t.Errorf("a dry run sent %q", m.sent)
		}
		m.sync(t, rows).is(t, 0, "2 created, 1 changed, 1 unchanged, 0 pending, 0 refused\n")
		m.is(t, "18 in 3: 2026-04-01 to ", "19 in 3: 2026-05-01 to ", "20 in 4:  to ", "17 in 3: 2026-03-01 to 2026-09-30", "17 in 4:  to ")
		if want := []string{"POST /api/v1/catalog", "POST /api/v1/catalog", "PATCH /api/v1/catalog/2"}; !slices.Equal(m.sent, want) {
			t.Errorf("sent %q, want %q", m.sent, want)
		}
		m.sync(t, rows).is(t, 0, "0 created, 0 changed, 4 unchanged, 0 pending, 0 refused\n")
		if len(m.sent) != 3 {
			t.Errorf("the second run sent %q", m.sent[3:])
		}
	})
}

// While the owner of the catalog is away, only the first request waits for its outcome. The next run finishes everything.
func TestTheOwnerIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(18, 3, "2020-01-01", ""))
		m.away = true
		r := m.sync(t, threeRows, "--wait=5s").is(t, 3, "0 created, 0 changed, 0 unchanged, 3 pending, 0 refused\n")
		if r.took != 4*time.Second {
			t.Errorf("it waited %v, and the monolith asks for pauses of 2 s", r.took)
		}
		if want := []string{"POST /api/v1/catalog", "POST /api/v1/catalog respond-async", "PATCH /api/v1/catalog/1 respond-async"}; !slices.Equal(m.sent, want) {
			t.Errorf("sent %q, want %q", m.sent, want)
		}
		m.sync(t, threeRows, "--wait=0").is(t, 3, "0 created, 0 changed, 0 unchanged, 3 pending, 0 refused\n")

		time.AfterFunc(time.Minute, m.comeBack)
		m.sync(t, threeRows, "--wait=2m").is(t, 0, "0 created, 0 changed, 3 unchanged, 0 pending, 0 refused\n")
		m.is(t, "18 in 3: 2026-04-01 to ", "17 in 3: 2026-03-01 to 2026-09-30", "17 in 4:  to ")
	})
}

func TestTheOwnerComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(18, 3, "2020-01-01", ""))
		m.away = true
		time.AfterFunc(3*time.Second, m.comeBack)
		r := m.sync(t, threeRows).is(t, 0, "2 created, 1 changed, 0 unchanged, 0 pending, 0 refused\n")
		if r.took != 4*time.Second {
			t.Errorf("it took %v", r.took)
		}
	})
}

// The owner refuses an entry that exists, but it has not arrived at the monolith yet.
func TestAnEntryArrivesLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith()
		m.late = true
		m.sync(t, "17,NL,2026-03-01,\n", "--wait=0").is(t, 3, "1 pending")
		time.AfterFunc(10*time.Second, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.add(offered(17, 3, "2020-01-01", ""))
		})
		m.sync(t, "17,NL,2026-03-01,\n").is(t, 0, "0 created, 1 changed, 0 unchanged")
		m.is(t, "17 in 3: 2026-03-01 to ")
	})
}

// Another client changes or deletes an entry after the program has read it.
func TestAnotherClientIsFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(17, 3, "2020-01-01", ""), offered(18, 3, "2020-01-01", ""), offered(19, 3, "2020-01-01", ""))
		m.before = func(r *http.Request, n int) (*http.Response, error) {
			switch {
			case r.Method == http.MethodPatch && n == 1:
				m.versions[1]++
				m.entries[0].AvailabilityEndDate = toDate("2030-01-01")
			case r.Method == http.MethodPatch && n == 2:
				m.entries = slices.Delete(m.entries, 1, 2)
			case r.URL.Path == "/api/v1/catalog/3":
				m.entries[1].AvailabilityDate = toDate("2026-03-01")
			}
			return nil, nil
		}
		m.sync(t, "17,NL,2026-03-01,\n18,NL,2026-03-01,\n19,NL,2026-03-01,\n").is(t, 0, "1 created, 1 changed, 1 unchanged")
		m.is(t, "17 in 3: 2026-03-01 to ", "19 in 3: 2026-03-01 to ", "18 in 3: 2026-03-01 to ")
	})
}

// Requests whose answers are lost are sent again, and are carried out once.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(18, 3, "2020-01-01", ""))
		m.before = func(r *http.Request, n int) (*http.Response, error) {
			switch {
			case r.Method == http.MethodGet && n == 1:
				return nil, errLost
			case r.Method == http.MethodGet && n == 3:
				return instead(http.StatusBadGateway, "bad-gateway", ""), nil
			case r.Method == http.MethodPost && n == 2:
				return instead(http.StatusServiceUnavailable, apiclient.Unavailable, "7"), nil
			case r.Method == http.MethodPost && n == 4:
				return instead(http.StatusConflict, apiclient.InProgress, "1"), nil
			}
			return nil, nil
		}
		m.after = func(r *http.Request, n int) (*http.Response, error) {
			if r.Method != http.MethodGet && n == 1 {
				return nil, errLost
			}
			return nil, nil
		}
		r := m.sync(t, threeRows).is(t, 0, "2 created, 1 changed, 0 unchanged, 0 pending, 0 refused\n")
		if r.took < 8*time.Second || len(m.changes) != 3 {
			t.Errorf("%d changes after %v", len(m.changes), r.took)
		}
		m.is(t, "18 in 3: 2026-04-01 to ", "17 in 3: 2026-03-01 to 2026-09-30", "17 in 4:  to ")
	})
}

// When the monolith is away for longer than --retry, the run ends. It says how far it came, and the next run finishes.
func TestTheMonolithIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith()
		m.before = func(r *http.Request, n int) (*http.Response, error) {
			if r.Method == http.MethodPost && n > 1 {
				return nil, errLost
			}
			return nil, nil
		}
		r := m.sync(t, threeRows, "--retry=10s")
		if r.code != 1 || r.took > 10*time.Second || r.took < 5*time.Second {
			t.Errorf("exit code %d after %v", r.code, r.took)
		}
		if want := "1 created, 0 changed, 0 unchanged, 0 pending, 0 refused\n2 not done, from line 3 on. Run legacy-sync again.\n"; r.stdout != want {
			t.Errorf("printed %q", r.stdout)
		}
		if want := "legacy-sync: line 3: gave up after 10s: "; !strings.HasPrefix(r.stderr, want) || !strings.Contains(r.stderr, errLost.Error()) {
			t.Errorf("printed %q", r.stderr)
		}
		m.before = nil
		m.sync(t, threeRows).is(t, 0, "2 created, 0 changed, 1 unchanged")
	})
}

// A refusal concerns one row, at once or after a 202.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]bool{"AtOnce": false, "Later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMonolith()
				m.refuse[18], m.refuse[19], m.away = http.StatusUnprocessableEntity, http.StatusConflict, away
				time.AfterFunc(time.Second, m.comeBack)
				m.sync(t, "17,XX,,\n"+threeRows+"19,DE,,\n").is(t, 1, "line 2: product 17 in XX was refused: the market XX is not known\n"+
					"line 5: product 18 in NL was refused: What the entry refers to is not known here. [/product is not known here] (unknown-reference)\n"+
					"line 6: product 19 in DE was refused: Conflict (change-expired)\n"+
					"2 created, 0 changed, 0 unchanged, 0 pending, 3 refused\n")
			})
		})
	}
}

// A monolith that takes no changes, or has a fault, ends the run.
func TestTheRunEnds(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]*http.Response{
		"409 Conflict": instead(http.StatusConflict, apiclient.NotTheOwner, ""), "500 Internal": instead(http.StatusInternalServerError, apiclient.Internal, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMonolith()
				m.before = func(r *http.Request, _ int) (*http.Response, error) {
					if r.Method == http.MethodPost {
						return answer, nil
					}
					return nil, nil
				}
				r := m.sync(t, threeRows)
				if r.code != 1 || len(m.sent) != 1 || !strings.Contains(r.stderr, "legacy-sync: line 2: POST http://monolith/api/v1/catalog: "+name) {
					t.Errorf("%+v", r)
				}
			})
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMonolith(offered(17, 4, "", ""))
		m.away = true
		m.sync(t, "17,DE,,\n17,XX,,\n18,NL,,\n", "--json", "--wait=0").is(t, 1, `{
  "dry_run": false,
  "created": 0,
  "changed": 0,
  "unchanged": 1,
  "pending": [
    {
      "line": 4,
      "product": 18,
      "market": "NL",
      "change": "01000000-0000-0000-0000-000000000000"
    }
  ],
  "refused": [
    {
      "line": 3,
      "product": 17,
      "market": "XX",
      "problem": "the market XX is not known"
    }
  ],
  "not_done": []
}
`)
	})
}
