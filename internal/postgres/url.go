package postgres

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A character of a password that is not escaped, such as # or ?, can turn a part of the password into another part of the URL.
// So each part must have its usual form, or nothing of the URL is shown.
var (
	parameterName = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`) // PostgreSQL's names; it also compares them exactly
	databaseName  = regexp.MustCompile(`^/?[^/@:#?]*$`)
)

// shownParameters have values that are no secrets. All others are masked, also those that PostgreSQL does not know.
var shownParameters = []string{
	"application_name", "connect_timeout", "dbname", "host", "lock_timeout", "port", "search_path", "sslcert", "sslkey", "sslmode",
	"sslrootcert", "statement_timeout", "target_session_attrs", "user",
}

// parseURL returns the URL of a database with its parameters, or what is wrong with it. The fault contains nothing of the URL.
func parseURL(text string) (u *url.URL, parameters url.Values, fault string) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, nil, isNoURL
	}
	parameters, err = url.ParseQuery(u.RawQuery)
	switch {
	case err != nil:
		return nil, nil, "cannot be used: check its parameters"
	case strings.Contains(text, "#"):
		return nil, nil, "must not contain #: write %23 in a password"
	case !databaseName.MatchString(u.Path):
		return nil, nil, "has more than the name of a database after HOST:PORT: in a password, write %2F for / and %40 for @"
	}
	for name := range parameters {
		if !parameterName.MatchString(name) {
			return nil, nil, "has a parameter whose name is not in lower-case letters: in a password, write %3F for ?"
		}
	}
	return u, parameters, ""
}

// MaskedURL returns the URL of a database without its secrets, or *** if they cannot be told from the rest.
func MaskedURL(text string) string {
	if text == "" {
		return ""
	}
	u, parameters, fault := parseURL(text)
	if fault != "" {
		return "***"
	}
	for name := range parameters {
		if !slices.Contains(shownParameters, name) {
			parameters.Set(name, "xxxxx")
		}
	}
	u.RawQuery = parameters.Encode()
	return u.Redacted()
}

// faultOfParameters returns what is wrong with the parameters of a URL, or "". The driver's error may contain the password,
// so only its cause about TLS is told: that one has names of files.
func faultOfParameters(url string) string {
	_, err := pgxpool.ParseConfig(url)
	switch {
	case err == nil:
		return ""
	case strings.Contains(err.Error(), "failed to configure TLS") && errors.Unwrap(err) != nil:
		return errors.Unwrap(err).Error()
	default:
		return "check its host, port and parameters"
	}
}
