package timestamp_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/internal/timestamp"
)

func TestTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var texts []string
	for _, tt := range []struct {
		time time.Time
		want string
	}{
		{noon, `"2026-03-01T12:00:00.000000Z"`},
		{noon.Add(time.Microsecond), `"2026-03-01T12:00:00.000001Z"`},
		{noon.Add(100 * time.Millisecond), `"2026-03-01T12:00:00.100000Z"`},
		{noon.Add(120 * time.Millisecond).In(time.FixedZone("", 3600)), `"2026-03-01T12:00:00.120000Z"`},
		{noon.Add(time.Second), `"2026-03-01T12:00:01.000000Z"`},
	} {
		text, err := json.Marshal(timestamp.Of(tt.time))
		if err != nil || string(text) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.time, text, err, tt.want)
		}
		var back timestamp.Time
		if err := strictjson.Unmarshal(text, &back); err != nil || !back.Equal(tt.time) {
			t.Errorf("%s is read as %s, %v", text, back, err)
		}
		texts = append(texts, string(text))
	}
	if !slices.IsSorted(texts) {
		t.Errorf("the texts have another order than the times: %q", texts)
	}
}

// A reader must still accept the form that time.Time writes.
func TestTheOldFormIsRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"2026-03-01T12:00:00Z"`, `"2026-03-01T12:00:00.5Z"`, `"2026-03-01T13:00:00+01:00"`} {
		var have timestamp.Time
		if err := strictjson.Unmarshal([]byte(text), &have); err != nil || have.UTC().Hour() != 12 {
			t.Errorf("%s is read as %s, %v", text, have, err)
		}
	}
}
