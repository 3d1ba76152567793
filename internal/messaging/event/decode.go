package event

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// Event is a decoded CloudEvents message. It has the attributes that this package requires or knows, and the data. The
// data is valid JSON without NUL characters, unpaired surrogates or repeated members; Decode does not check anything
// else in it.
type Event struct {
	ID         string
	Source     string
	Type       string
	Subject    string // the aggregate's id; the consumer compares it with the Kafka key
	DataSchema string
	Time       time.Time       // UTC, in microseconds
	Version    int64           // aggregateversion, from 1 to MaxVersion
	Data       json.RawMessage // a part of the decoded bytes, not a copy; nil if the message has none

	// CausationID is the id of the message that caused the change, or "". It is for tracing only.
	CausationID string
}

// DecodeError says why a message is not a valid event. Decoding it again gives the same error.
type DecodeError struct{ Reason string }

// Error implements error.
func (e *DecodeError) Error() string { return "the message is not an event: " + e.Reason }

// Decode reads a CloudEvents 1.0 message in the structured JSON format. It is strict about everything that the
// specification requires and that consumers depend on. It ignores attributes that it does not know. Together with a
// *DecodeError it returns the attributes that it could read. This is often enough for a dead letter to name the event
// and its version.
func Decode(value []byte) (Event, error) {
	var e Event
	if len(value) == 0 {
		return e, &DecodeError{"the value is empty"}
	}
	var m rawAttributes
	if err := strictjson.Object(value, m.set); err != nil {
		_ = m.fill(&e) // the error of strictjson is the reason; this only keeps readable attributes
		return e, &DecodeError{err.Error()}
	}
	return e, m.fill(&e)
}

// rawAttributes are the raw JSON values of the known attributes. A value is nil if the attribute is absent or null: for
// CloudEvents these are the same.
type rawAttributes struct {
	specversion, id, source, typ, subject, time, datacontenttype, dataschema, aggregateversion, causationid, data,
	dataBase64 []byte
}

// set keeps the raw value of the named attribute. Names are compared exactly: CloudEvents names are in lower case.
func (m *rawAttributes) set(name, raw []byte) {
	if string(raw) == "null" {
		return
	}
	switch string(name) {
	case "specversion":
		m.specversion = raw
	case "id":
		m.id = raw
	case "source":
		m.source = raw
	case "type":
		m.typ = raw
	case "subject":
		m.subject = raw
	case "time":
		m.time = raw
	case "datacontenttype":
		m.datacontenttype = raw
	case "dataschema":
		m.dataschema = raw
	case "aggregateversion":
		m.aggregateversion = raw
	case "causationid":
		m.causationid = raw
	case "data":
		m.data = raw
	case "data_base64":
		m.dataBase64 = raw
	}
}

// fill reads every attribute into e and returns the first fault. It continues after a fault, so that a dead letter can
// name as much of the event as possible.
func (m *rawAttributes) fill(e *Event) error {
	var first error
	fault := func(err error) {
		if err != nil && first == nil {
			first = err
		}
	}
	specversion, err := attribute("specversion", m.specversion, true)
	fault(err)
	if specversion != SpecVersion {
		fault(&DecodeError{fmt.Sprintf("specversion is %q, not %q", specversion, SpecVersion)})
	}
	e.ID, err = attribute("id", m.id, true)
	fault(err)
	e.Source, err = attribute("source", m.source, true)
	fault(err)
	fault(checkURI("source", e.Source))
	e.Type, err = attribute("type", m.typ, true)
	fault(err)
	e.Subject, err = attribute("subject", m.subject, false)
	fault(err)
	e.DataSchema, err = attribute("dataschema", m.dataschema, false)
	fault(err)
	fault(checkURI("dataschema", e.DataSchema))
	e.Time, err = timestamp(m.time)
	fault(err)
	e.Version, err = version(m.aggregateversion)
	fault(err)
	e.CausationID, err = attribute("causationid", m.causationid, false)
	fault(err)
	contentType, err := attribute("datacontenttype", m.datacontenttype, false)
	fault(err)
	fault(checkJSONType(contentType))
	if m.dataBase64 != nil {
		fault(&DecodeError{"the event has data_base64 instead of data"})
	}
	e.Data = m.data
	return first
}

// attribute reads a CloudEvents String. It must not be empty and must not have control characters or noncharacters
// (CloudEvents 1.0, "Type System").
func attribute(name string, raw []byte, required bool) (string, error) {
	switch {
	case raw == nil && required:
		return "", &DecodeError{name + " is missing"}
	case raw == nil:
		return "", nil
	case raw[0] != '"':
		return "", &DecodeError{name + " is not a string"}
	}
	s := string(strictjson.Unquote(raw))
	if s == "" {
		return "", &DecodeError{name + " is empty"}
	}
	for _, c := range s {
		if c >= ' ' && c < 0x7f {
			continue
		}
		if unicode.IsControl(c) || c&0xfffe == 0xfffe || c >= 0xfdd0 && c <= 0xfdef {
			return "", &DecodeError{fmt.Sprintf("%s contains the character %U", name, c)}
		}
	}
	return s, nil
}

func checkURI(name, s string) error {
	if isPlainURI(strings.TrimPrefix(s, "https://")) {
		return nil // the usual case, ten times faster than url.Parse; attribute reports an empty value
	}
	if _, err := url.Parse(s); err != nil {
		return &DecodeError{name + " is not a URI reference"}
	}
	return nil
}

// isPlainURI reports whether s has only characters that are allowed everywhere in the path of a URI.
func isPlainURI(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func checkJSONType(s string) error {
	if s == "" || s == DataContentType {
		return nil
	}
	media, _, err := mime.ParseMediaType(s)
	if err != nil || media != DataContentType && !strings.HasSuffix(media, "+json") {
		return &DecodeError{fmt.Sprintf("datacontenttype is %q, not JSON", s)}
	}
	return nil
}

func timestamp(raw []byte) (time.Time, error) {
	s, err := attribute("time", raw, true)
	if err != nil {
		return time.Time{}, err
	}
	upper := strings.ToUpper(s) // RFC 3339, section 5.6, allows a lower-case t and z
	t, err := time.Parse(time.RFC3339, upper)
	if err != nil || !strictRFC3339(upper) {
		return time.Time{}, &DecodeError{fmt.Sprintf("time is %q, not RFC 3339", s)}
	}
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, &DecodeError{"time is outside the years 1 to 9999"}
	}
	return t, nil
}

// strictRFC3339 reports whether s is free of forms that time.Parse accepts although RFC 3339, section 5.6, does not
// allow them: an hour of one digit, a comma before the fraction, and an offset of a day or more.
func strictRFC3339(s string) bool {
	if s[13] != ':' || strings.IndexByte(s, ',') >= 0 {
		return false
	}
	if s[len(s)-1] == 'Z' {
		return true
	}
	offset := s[len(s)-len("01:00"):]
	return offset[:2] < "24" && offset[3:] < "60"
}

func version(raw []byte) (int64, error) {
	if raw == nil {
		return 0, &DecodeError{"aggregateversion is missing"}
	}
	// ParseInt refuses fractions and exponents; the JSON grammar has already refused signs and leading zeros.
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || v < 1 || v > MaxVersion {
		return 0, &DecodeError{fmt.Sprintf("aggregateversion is %s, not an integer from 1 to %d", shorten(raw), MaxVersion)}
	}
	return v, nil
}

// shorten returns the beginning of raw, so that an error's text does not get too long.
func shorten(raw []byte) string {
	const most = 40
	if len(raw) > most {
		return strings.ToValidUTF8(string(raw[:most]), "") + "…"
	}
	return string(raw)
}
