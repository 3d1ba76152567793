package adminmessages

import (
	"testing"
	"time"
)

// The right edge of a picture is now. Values that were not known leave a gap, and do not count.
func TestDraw(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(before time.Duration, n int64) sample { return sample{at: now.Add(-before), unsent: n} }
	unsent := func(s sample) int64 { return s.unsent }
	for name, tt := range map[string]struct {
		list       []sample
		line, area string
		text       string
		minutes    int
	}{
		"nothing yet":  {nil, "", "", "not known", 0},
		"a curve":      {[]sample{at(time.Hour, 0), at(30*time.Minute, 8), at(0, 2)}, "0,80 180,4 360,61", "0,80 0,80 180,4 360,61 360,80", "now 2, at most 8 at 11:30:00Z", 60},
		"all zero":     {[]sample{at(10*time.Minute, 0), at(0, 0)}, "300,80 360,80", "300,80 300,80 360,80 360,80", "now 0", 10},
		"away for now": {[]sample{at(30*time.Minute, 8), at(0, -1)}, "180,4", "180,80 180,4 180,80", "not known, at most 8 at 11:30:00Z", 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := draw("Unsent", "one", "events", now, tt.list, unsent)
			if p.Line != tt.line || p.Area != tt.area || p.Text() != tt.text || p.Minutes != tt.minutes {
				t.Errorf("got %+v, %q", p, p.Text())
			}
		})
	}
}

// The memory for samples is bounded, and the oldest ones go first.
func TestSamplesAreBounded(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var s samples
	for i := range 2*mostSamples + 5 {
		s.add(sample{at: begin.Add(time.Duration(i) * sampleEvery), unsent: int64(i)})
	}
	list := s.since(time.Time{})
	if len(list) != mostSamples || list[0].unsent != int64(mostSamples+5) || cap(s.list) > 2*mostSamples {
		t.Errorf("%d samples from %d, room for %d", len(list), list[0].unsent, cap(s.list))
	}
	if rest := s.since(list[len(list)-2].at); len(rest) != 1 {
		t.Errorf("%d samples are newer than the last but one", len(rest))
	}
}
