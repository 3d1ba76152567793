package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Many dead letters are closed with one command. Those that fail again stay open, and delay no other.
func TestManyDeadLetters(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	for i, key := range []string{"fez", "bowler", "beret", "cap"} {
		value, err := json.Marshal(event.Event{ID: uuid.NewString(), Source: "/shop", Type: "test.hat.created.v1", Subject: key, Version: 1,
			Time: time.Now(), Data: json.RawMessage(`{}`)})
		if err != nil {
			t.Fatal(err)
		}
		letter(t, pool, i, key, value)
	}
	execSQL(t, pool, `UPDATE dead_letter SET value = 'no event', code = 'undecodable' WHERE id = 2`)
	execSQL(t, pool, `UPDATE dead_letter SET created_at = now() - interval '3 days' WHERE id = 4`)
	for _, tt := range []struct { // in this order
		line string
		code int
		want string
	}{
		{"replay --topic=none", 0, "there are none\n"},
		{"replay --all --dry-run", 0, "dead letter 1: open\ndead letter 2: open\ndead letter 3: open\ndead letter 4: open\n\nThis was a dry run."},
		{"replay --since=24h", 1, "dead letter 1: replayed\ndead letter 2: open (it failed again"},
		{"list --code=undecodable", 0, "2   open"},
		{"list --since=1h --code=conflict", 0, "there are none"},
		{"replay --since=24h --code=undecodable", 1, "some dead letters are still open: 1 of 1"},
		{"discard --code=undecodable --reason=rubbish", 0, "dead letter 2: discarded (rubbish)\n"},
		{"replay --topic=" + hatTopic + " --json", 0, `{"id":4,"topic":"` + hatTopic + `","key":"cap","code":"conflict","state":"replayed","failed":false}`},
		{"discard --all --reason=none", 0, "there are none\n"},
	} {
		r := call(t.Context(), app, nil, append([]string{"dead-letters"}, strings.Fields(tt.line)...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) || (r.code == 0) != (r.err == "") {
			t.Errorf("%s: %+v, want code %d and %q", tt.line, r, tt.code, tt.want)
		}
	}
}

// A letter that a later one has superseded meanwhile is no failure. A failure of the database ends the run.
func TestBulkEnds(t *testing.T) {
	t.Parallel()
	_, pool := hatter(t)
	for i := range 3 {
		letter(t, pool, i, "fez", nil)
	}
	var got []string
	bulk := consumer.Bulk{
		Close: func(ctx context.Context, id int64) (consumer.DeadLetter, error) {
			switch id {
			case 1:
				if _, err := pool.Exec(ctx, `UPDATE dead_letter SET state = 'superseded' WHERE id = 1`); err != nil {
					return consumer.DeadLetter{}, err
				}
				return consumer.DeadLetter{}, &consumer.Error{Code: consumer.CodeClosed, Detail: "it is closed"}
			case 2:
				return consumer.DeadLetter{}, &consumer.Error{Code: consumer.CodeReplayFailed, Detail: "it failed"}
			default:
				return consumer.DeadLetter{}, errors.New("the database is away")
			}
		},
		Done: func(r consumer.BulkResult) error {
			got = append(got, fmt.Sprint(r.ID, " ", r.State, " ", r.Failed, " ", r.Detail))
			return nil
		},
	}
	err := bulk.Run(t.Context(), pool)
	if want := []string{"1 superseded false it is closed", "2 open true it failed"}; err == nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
