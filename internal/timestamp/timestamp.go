// Package timestamp knows how answers write a time: in UTC, always with six digits of fraction. time.Time itself leaves out
// zeros at the end of the fraction. Then the texts have another order than the times, and old clients, such as Python before
// 3.11, cannot parse some of them.
package timestamp

import "time"

// Time is a time in an answer. It is read as any time of RFC 3339, with any fraction.
type Time struct{ time.Time }

// Of returns t as answers show it.
func Of(t time.Time) Time { return Time{t} }

const layout = "2006-01-02T15:04:05.000000Z"

// MarshalText implements encoding.TextMarshaler.
func (t Time) MarshalText() ([]byte, error) { return t.UTC().AppendFormat(nil, layout), nil }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return t.UTC().AppendFormat(nil, `"`+layout+`"`), nil }
