package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// decided waits until the monolith has the outcome of each of its requests.
func (s *system) decided() {
	s.t.Helper()
	eventually(s.t, "every request has its outcome", func() bool { return s.pending() == 0 })
}

// pending counts the requests without an outcome.
func (s *system) pending() int {
	s.t.Helper()
	return len(rows(s.t, s.monolithDB, `SELECT FROM sent_request WHERE finished_at IS NULL`))
}

// checkRequests is checkOutcomes, and also checks that the topics have everything, in order.
func (s *system) checkRequests(least int) {
	s.t.Helper()
	s.checkOutcomes(least)
	s.checkTopic(requestTopic, s.numbers(s.monolithDB, requestTopic))
	s.checkTopic(outcomeTopic, s.numbers(s.catalogDB, outcomeTopic))
	s.checkTopic(entryTopic, rows(s.t, s.catalogDB, `SELECT id::text, version FROM catalog_entry`))
}

// checkOutcomes waits until everything is quiet, and checks that the monolith has sent at least so many requests. Each of them
// must have exactly one final outcome, which is the same at the owner, in the outbox and at the asker. An accepted request must
// have changed one entry once, and any other request nothing.
func (s *system) checkOutcomes(least int) {
	s.t.Helper()
	s.decided()
	s.settled()
	sent := rows(s.t, s.monolithDB, `SELECT id::text, outcome FROM sent_request ORDER BY 1`)
	if len(sent) < least {
		s.t.Fatalf("%d requests were sent, want at least %d", len(sent), least)
	}
	decided := rows(s.t, s.catalogDB, `SELECT id::text, outcome FROM decided_request ORDER BY 1`)
	published := rows(s.t, s.catalogDB, `SELECT e.data->>'request', e.data->>'outcome' FROM outbox_event,
		LATERAL (SELECT convert_from(payload, 'UTF8')::jsonb->'data' AS data) e
		WHERE topic = '`+outcomeTopic+`' AND e.data->>'outcome' <> 'unreadable' ORDER BY 1`)
	s.same("what was decided", decided, "what was received", sent)
	s.same("the outcomes that were published", published, "what was decided", decided)

	effects := rows(s.t, s.catalogDB, `SELECT e.cause FROM outbox_event, LATERAL (SELECT convert_from(payload, 'UTF8')::jsonb->>'causationid' AS cause) e
		WHERE topic = '`+entryTopic+`' AND e.cause IS NOT NULL ORDER BY 1`)
	accepted := rows(s.t, s.catalogDB, `SELECT id::text FROM decided_request WHERE outcome = 'accepted' ORDER BY 1`)
	s.same("the changes that were made", effects, "the requests that were accepted", accepted)
	if parked := rows(s.t, s.catalogDB, `SELECT id FROM parked_request`); len(parked) > 0 {
		s.t.Errorf("still parked: %v", parked)
	}
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		if letters := rows(s.t, db, `SELECT reason FROM dead_letter WHERE state = 'open'`); len(letters) > 0 {
			s.t.Errorf("dead letters: %q", letters)
		}
	}
}

// numbers returns the last number of each key of a topic with requests or outcomes.
func (s *system) numbers(db, topic string) []string {
	s.t.Helper()
	return rows(s.t, db, `SELECT key, last FROM message_number WHERE last > 0 AND topic = '`+topic+`'`)
}

// same fails the test unless both lists are equal. It prints only the differences.
func (s *system) same(whatA string, a []string, whatB string, b []string) {
	s.t.Helper()
	if slices.Equal(a, b) {
		return
	}
	missing := func(from, in []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(from), func(x string) bool { return slices.Contains(in, x) }), "\n")
	}
	s.t.Errorf("%s (%d) and %s (%d) differ; only in the first:\n%s\nonly in the second:\n%s", whatA, len(a), whatB, len(b),
		missing(a, b), missing(b, a))
}

// outcomes counts the outcomes by kind, as the monolith knows them.
func (s *system) outcomes() string {
	s.t.Helper()
	return fmt.Sprint(rows(s.t, s.monolithDB, `SELECT outcome, count(*) FROM sent_request GROUP BY 1 ORDER BY 1`))
}
