package httpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"
)

// flushEvery is how much of a streamed list is gathered before it is sent.
const flushEvery = 32 << 10

// StreamArray writes items as one JSON array while they are read, however many there are. An error before the first
// item is returned with nothing written, so that it becomes a problem. A later one is returned too, and the server cuts
// the connection: a client must not take half a list for a whole one.
//
// Each part has its own deadlines, of writeTimeout for the client and of the request's budget for us: a long list is no slow
// client. The context is the request's.
func StreamArray[T any](ctx context.Context, w http.ResponseWriter, writeTimeout time.Duration, items iter.Seq2[T, error]) error {
	control := http.NewResponseController(w)
	out := bufio.NewWriterSize(deadlined{w, control, writeTimeout, budgetOf(ctx)}, flushEvery)
	begun := false
	for item, err := range items {
		if err != nil {
			return err
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

// deadlined gives each write its own deadline.
type deadlined struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	budget  *budget
}

func (d deadlined) Write(p []byte) (int, error) {
	_ = d.control.SetWriteDeadline(time.Now().Add(d.timeout)) // a recorder in a test has none
	n, err := d.budget.client(func() (int, error) { return d.w.Write(p) })
	if err != nil {
		err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return n, err
}
