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

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Poison returns an error by which a handler reports that the event can never be applied.
func Poison(reason string) error { return &poisonError{code: "poison", reason: reason} }

type poisonError struct{ code, reason string }

func (e *poisonError) Error() string { return e.reason }

// codeUnreadable is the code of a dead letter for a batch that cannot be read: see broker.UnreadableBatch.
const codeUnreadable = "unreadable"

// panicError is a handler's panic. The same event would cause it again.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// poisonCode reports whether err is the event's own fault, so that another try cannot help, and returns the code for the
// dead letter. The SQLSTATE of an error decides before Config.Classify does: storage code may have wrapped it.
func (c *Consumer[T]) poisonCode(err error) (code string, is bool) {
	if err == nil {
		return "", false
	}
	if poison, ok := errors.AsType[*poisonError](err); ok {
		return poison.code, true
	}
	if _, ok := errors.AsType[*panicError](err); ok {
		return "panic", true
	}
	if state := pgtx.SQLState(err); state != "" {
		if pgtx.DataFault(err) {
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
	_, strict := errors.AsType[*strictjson.Error](err)
	_, mismatch := errors.AsType[*json.UnmarshalTypeError](err)
	if syntax || strict || mismatch {
		return "undecodable", true
	}
	return "", false
}

// deadLetterReason returns err's text for a dead letter: bounded, on one line, and with nothing that PostgreSQL cannot
// store or that would control a terminal.
func deadLetterReason(err error) string {
	const most = 2000
	s := pgtx.Brief(err)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return escapeUnprintable(s, "")
}

// escapeUnprintable escapes, in Go's syntax, invalid UTF-8 and every character that is neither printable nor in allowed.
func escapeUnprintable(s, allowed string) string {
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
