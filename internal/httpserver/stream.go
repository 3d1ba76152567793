package httpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

// flushEvery is the number of bytes of a streamed list that are collected before they are sent.
const flushEvery = 32 << 10

// StreamArray writes items as one JSON array while it reads them, without limit on their number. If an error comes before
// the first item, StreamArray has written nothing, so that the error can become a problem. A later error is returned too,
// and the server cuts the connection: a client must not take half a list for the whole list.
//
// Each part of the list has its own deadlines: limits.Part for the client, and the request's budget for the service. So a
// long list does not count as a slow client. The context is the request's.
func StreamArray[T any](ctx context.Context, w http.ResponseWriter, limits StreamLimits, items iter.Seq2[T, error]) error {
	last := time.Now().Add(limits.Total)
	out := streamed(ctx, w, limits, last)
	begun := false
	for item, err := range items {
		if err != nil {
			return err
		}
		if time.Now().After(last) {
			return limits.exceeded()
		}
		text, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("encode a list's item: %w", err)
		}
		separator := byte(',')
		if !begun {
			begun, separator = true, '['
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusOK)
		}
		if err := out.WriteByte(separator); err != nil {
			return err
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
	end := "]\n"
	if !begun {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		end = "[]\n"
	}
	if _, err := out.WriteString(end); err != nil {
		return err
	}
	return out.Flush()
}

// Streamed returns a writer for an answer of any length that is written while it is read. Each part has the deadlines of
// StreamArray. The caller reads with WithPlace, and flushes the writer at the end. The context is the request's.
func Streamed(ctx context.Context, w http.ResponseWriter, limits StreamLimits) *bufio.Writer {
	return streamed(ctx, w, limits, time.Now().Add(limits.Total))
}

func streamed(ctx context.Context, w http.ResponseWriter, limits StreamLimits, last time.Time) *bufio.Writer {
	return bufio.NewWriterSize(deadlined{w, http.NewResponseController(w), limits, last, budgetOf(ctx)}, flushEvery)
}

// WithPlace yields items for a streamed answer. Each item may fill a part, which then waits for the client without a place. So it
// takes a place before it reads the next item.
func WithPlace[T any](ctx context.Context, items iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item, err := range items {
			if !yield(item, err) {
				return
			}
			if err := admission.Next(ctx); err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

// StreamLimits bound the time of a list that is sent while it is read: for the client to receive each part, and in all. A client
// that always takes the next part just in time would otherwise keep the list open without end.
type StreamLimits struct{ Part, Total time.Duration }

// exceeded is the error of a list that took longer than Total.
func (l StreamLimits) exceeded() error {
	return apperr.New(apperr.Unavailable, fmt.Sprintf("The list took longer than %s.", l.Total)).Because(errListTooLong)
}

// errListTooLong is the cause of a list that was cut off because of StreamLimits.Total. A write that fails at this time ends the
// request's context, as if the client had gone away, but the log must tell the limit.
var errListTooLong = errors.New("the list was cut off")

// deadlined is a writer that sets a new deadline for each write.
type deadlined struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limits  StreamLimits
	last    time.Time // when all parts must have been written
	budget  *budget
}

func (d deadlined) Write(p []byte) (int, error) {
	deadline := time.Now().Add(d.limits.Part)
	if deadline.After(d.last) {
		deadline = d.last
	}
	_ = d.control.SetWriteDeadline(deadline) // a recorder in a test has no deadlines
	n, err := d.budget.client(func() (int, error) { return d.w.Write(p) })
	_, known := apperr.As(err) // the writer of an admitted request knows more
	switch {
	case err == nil, known:
		return n, err
	case time.Now().After(d.last):
		return n, d.limits.exceeded()
	default:
		return n, fmt.Errorf("%w: %w", errClientGone, err)
	}
}
