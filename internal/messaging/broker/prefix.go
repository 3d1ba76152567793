package broker

import (
	"fmt"
	"regexp"
	"strings"
)

// With a prefix, several environments share one cluster. It comes before the names of all topics and groups on the wire.
// Callers, their tables and their documents know only the bare names.

// maxPrefix leaves room for the bare name: Kafka allows 249 characters.
const maxPrefix = 100

var legalPrefix = regexp.MustCompile(`^[a-zA-Z0-9._-]*$`)

// CheckPrefix returns an error if topics and groups cannot have the prefix.
func CheckPrefix(prefix string) error {
	switch {
	case len(prefix) > maxPrefix:
		return fmt.Errorf("the prefix has %d characters, but may have at most %d", len(prefix), maxPrefix)
	case !legalPrefix.MatchString(prefix):
		return fmt.Errorf("the prefix %q may have only letters, digits, dots, underscores and hyphens", prefix)
	}
	return nil
}

// wireName returns the name that a topic or a group has in Kafka.
func (c *Client) wireName(bare string) string { return c.cfg.Prefix + bare }

// bareName returns the name that callers know.
func (c *Client) bareName(wire string) string { return strings.TrimPrefix(wire, c.cfg.Prefix) }
