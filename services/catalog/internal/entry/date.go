package entry

import (
	"fmt"
	"time"
)

// Date is a day of the calendar, without a time zone. The zero Date is not a day. Each field defines what it means there.
type Date struct {
	days  int32 // since 1970-01-01
	known bool
}

const day = 24 * 60 * 60 // in seconds; all days in UTC are this long

// DateOf returns the UTC day of t.
func DateOf(t time.Time) Date {
	s := t.Unix()
	days := s / day
	if s%day < 0 {
		days--
	}
	return Date{days: int32(days), known: true}
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date such as 2026-03-01", s)
	}
	return DateOf(t), nil
}

// IsZero reports whether d is the zero Date.
func (d Date) IsZero() bool { return !d.known }

// Time returns the day's first moment in UTC.
func (d Date) Time() time.Time { return time.Unix(int64(d.days)*day, 0).UTC() }

// Before reports whether d is before other.
func (d Date) Before(other Date) bool { return d.days < other.days }

// String returns YYYY-MM-DD, or "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Time().Format(time.DateOnly)
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}
