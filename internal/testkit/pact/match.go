//go:build pact

package pact

// Body is a JSON object of an expectation. It has literal values, which are compared exactly, and matchers.
type Body map[string]any

// matcher is a matcher in the form that the native library reads. A value must satisfy all its rules. A pattern alone also
// matches the digits of a number, so texts are matched by type too.
func matcher(example any, rules ...map[string]any) Body {
	return Body{"pact:matcher:type": rules, "value": example}
}

func rule(name string) map[string]any { return map[string]any{"pact:matcher:type": name} }

func pattern(regex string) map[string]any {
	return map[string]any{"pact:matcher:type": "regex", "regex": regex}
}

// A pattern must match the whole text. The native library does this anyway. Other implementations search, so each pattern
// is anchored too.
const (
	textPattern   = `^.*\S.*$`
	uuidPattern   = `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`
	dayPattern    = `^\d{4}-\d{2}-\d{2}$`
	momentPattern = `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$`
)

// Text matches any text that is not blank.
func Text(example string) Body { return matcher(example, rule("type"), pattern(textPattern)) }

// Pattern matches text by a regular expression.
func Pattern(example, regex string) Body { return matcher(example, rule("type"), pattern(regex)) }

// UUID matches a UUID in its usual form.
func UUID(example string) Body { return Pattern(example, uuidPattern) }

// Day matches a date (RFC 3339 full-date).
func Day(example string) Body { return Pattern(example, dayPattern) }

// Moment matches a date and time (RFC 3339).
func Moment(example string) Body { return Pattern(example, momentPattern) }

// Integer matches a number without a fraction.
func Integer(example int) Body { return matcher(example, rule("integer")) }

// Bool matches true and false.
func Bool(example bool) Body { return matcher(example, rule("type")) }

// Exactly matches an object with exactly these members and values, which are literal. Other objects may have more members, so
// a contract that relies on the absence of a member must say so.
func Exactly(members Body) Body { return matcher(members, rule("equality")) }

// List matches a list of at least one item, each like the example.
func List(item Body) Body {
	return Body{"pact:matcher:type": "type", "value": []Body{item}, "min": 1}
}
