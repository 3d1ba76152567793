package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// sessions are the database sessions of each test, by the URL of the database. A test asks every few milliseconds while it waits.
// A new session for each question would cost PostgreSQL more than the question.
var sessions = struct {
	sync.Mutex
	of map[*testing.T]map[string]*session
}{of: map[*testing.T]map[string]*session{}}

// session serves one query at a time. It connects for the first query, and again when the server has ended the connection.
type session struct {
	mu   sync.Mutex
	url  string
	conn *pgx.Conn
}

// sessionOf returns the test's session of a database. It ends with the test.
func sessionOf(t *testing.T, url string) *session {
	t.Helper()
	sessions.Lock()
	defer sessions.Unlock()
	mine := sessions.of[t]
	if mine == nil {
		mine = map[string]*session{}
		sessions.of[t] = mine
		t.Cleanup(func() {
			sessions.Lock()
			defer sessions.Unlock()
			delete(sessions.of, t)
			for _, s := range mine {
				s.end()
			}
		})
	}
	if mine[url] == nil {
		mine[url] = &session{url: url}
	}
	return mine[url]
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close(context.Background()) // nothing is in progress
		s.conn = nil
	}
}

func (s *session) query(ctx context.Context, query string) (list []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reused := s.conn != nil
	if list, err = s.try(ctx, query); err != nil && reused && s.conn.IsClosed() {
		return s.try(ctx, query) // the server was restarted
	}
	return list, err
}

func (s *session) try(ctx context.Context, query string) (list []string, err error) {
	if s.conn == nil || s.conn.IsClosed() {
		config, err := pgx.ParseConfig(s.url)
		if err != nil {
			return nil, err
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tables change during the session
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return nil, errors.Join(errors.New("connect"), err)
		}
		s.conn = conn
	}
	result, err := s.conn.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(result, asText)
}

// asText returns the values of a row as one text.
func asText(r pgx.CollectableRow) (string, error) {
	values, err := r.Values()
	if err != nil {
		return "", err
	}
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = fmt.Sprint(v)
	}
	return strings.Join(text, " "), nil
}

// rows runs a query and returns each row as one string.
func rows(t *testing.T, url, query string) []string {
	t.Helper()
	list, err := sessionOf(t, url).query(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

// backup returns the URL of a copy of a database. No service may be connected to the database.
func backup(t *testing.T, url string) string {
	t.Helper()
	sessionOf(t, url).end()
	return pgtest.CopyOf(t, url)
}
