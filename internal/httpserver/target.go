package httpserver

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
)

// normalize gives equivalent targets the same form, before anything reads them. It accepts trailing slashes.
func normalize(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		if u.RawPath != "" {
			u.RawPath = normalEncoding(u.RawPath)
			if u.RawPath == (&url.URL{Path: u.Path}).EscapedPath() {
				u.RawPath = "" // the router then compares the decoded path
			}
		}
		if len(u.Path) > 1 && strings.HasSuffix(u.EscapedPath(), "/") {
			u.Path = strings.TrimSuffix(u.Path, "/")
			u.RawPath = strings.TrimSuffix(u.RawPath, "/")
		}
		// net/url drops a pair that contains a semicolon. For browsers and all others, a semicolon separates nothing.
		u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
		return next(c)
	}
}

// maxParameters is far more than clients send. net/url reads no parameter at all if there are more than 10,000: a list would
// then ignore its filters and its limit.
const maxParameters = 1000

// fewParameters refuses a query with more than maxParameters.
func fewParameters(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if strings.Count(c.Request().URL.RawQuery, "&") >= maxParameters {
			return apperr.New(apperr.Malformed, fmt.Sprintf("The query has more than %d parameters.", maxParameters))
		}
		return next(c)
	}
}

// normalEncoding decodes the octets that need no encoding, and writes the encoding of all others with capital letters (RFC
// 3986, sections 6.2.2.1 and 6.2.2.2). The path is valid: net/http has parsed it.
func normalEncoding(path string) string {
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		octet := path[i : i+3]
		i += 2
		decoded := hexDigit(octet[1])<<4 | hexDigit(octet[2])
		if strings.IndexByte(unreserved, decoded) >= 0 {
			b.WriteByte(decoded)
		} else {
			b.WriteString(strings.ToUpper(octet))
		}
	}
	return b.String()
}

// hexDigit returns the value of a hexadecimal digit.
func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	default:
		return c - '0'
	}
}

// unreserved has the characters that never need an encoding (RFC 3986, section 2.3).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
