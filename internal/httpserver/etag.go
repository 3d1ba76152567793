package httpserver

import (
	"strconv"
	"strings"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/headerfield"
)

// ETag returns the strong entity tag of a version, with its quotes (RFC 9110, section 8.8.3).
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// NotModified reports whether a GET with this If-None-Match is answered with 304. It compares the tags weakly (RFC 9110,
// section 13.1.2).
func NotModified(ifNoneMatch *string, etag string) bool {
	if ifNoneMatch == nil {
		return false
	}
	if strings.TrimSpace(*ifNoneMatch) == "*" {
		return true
	}
	for tag := range headerfield.Tags(*ifNoneMatch) {
		if strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// IfMatch returns the versions that the caller allows to change. It returns nil for any version, if there is no If-Match or
// if it is "*". A weak tag, or a tag that ETag did not write, matches nothing (RFC 9110, section 13.1.1). So the result may
// be empty.
func IfMatch(header *string) condition.Match {
	if header == nil || strings.TrimSpace(*header) == "*" {
		return nil
	}
	versions := condition.Match{}
	for tag := range headerfield.Tags(*header) {
		if v, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64); err == nil && ETag(v) == tag {
			versions = append(versions, v)
		}
	}
	return versions
}
