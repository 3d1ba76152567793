package consumer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/postgres"
)

// Poison is a handler's word that the event can never be applied.
func Poison(reason string) error { return &poisonError{code: "poison", reason: reason} }

type poisonError struct{ code, reason string }

func (e *poisonError) Error() string { return e.reason }

// panicError is a handler's panic: the event met a case that nobody thought of, and would meet it again.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// poisoned reports whether err is the event's own fault, so that another try cannot help, and returns the code for the
// dead letter. The SQLSTATE of an error decides before Config.Classify does: storage code may have wrapped it.
func (c *Consumer[T]) poisoned(err error) (code string, is bool) {
	if err == nil {
		return "", false
	}
	if poison, ok := errors.AsType[*poisonError](err); ok {
		return poison.code, true
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return "panic", true
	}
	if state := postgres.SQLState(err); state != "" {
		switch state[:2] {
		case "22", "23", "54": // data, constraint, limit
			return "sqlstate-" + state, true
		}
		return "", false
	}
	switch v := c.cfg.Classify(err); v.Decision {
	case PoisonEvent:
		return cmp.Or(v.Code, "poison"), true
	case RetryBatch:
		return "", false
	case Undecided:
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, mismatch := errors.AsType[*json.UnmarshalTypeError](err)
	if syntax || mismatch {
		return "undecodable", true
	}
	return "", false
}

// reason is err for a dead letter: of bounded size, on one line, and nothing in it that PostgreSQL or a terminal would
// trip over.
func reason(err error) string {
	const most = 2000
	s := postgres.Brief(err)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return printable(s, "")
}

// printable escapes, as Go does, what is neither printable nor among allowed; invalid UTF-8 too.
func printable(s, allowed string) string {
	ok := func(c rune) bool { return unicode.IsPrint(c) || strings.ContainsRune(allowed, c) }
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		if invalid := c == utf8.RuneError && n == 1; ok(c) && !invalid {
			b.WriteRune(c)
		} else {
			quoted := strconv.Quote(s[i : i+n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += n
	}
	return b.String()
}
