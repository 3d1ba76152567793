// Package gateway reads the gateway's route table. The gateway itself is nginx; README.md explains how to run it.
package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Route says which service answers a prefix of paths.
type Route struct {
	Prefix  *regexp.Regexp // matches the decoded path, from its start
	Service string
}

// tableBegins and tableEnds are the lines around the routes in snippets/routes.conf.
const (
	tableBegins = "map $uri $gateway_route {"
	tableEnds   = "}"
)

// Routes reads snippets/routes.conf. Each line must be a route, a comment or the empty default. Anything else is an error,
// because it could change the routing in a way that this function does not see.
func Routes(text []byte) ([]Route, error) {
	var routes []Route
	inTable, hasDefault := false, false
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.Join(strings.Fields(lines.Text()), " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !inTable && line == tableBegins:
			inTable = true
		case inTable && line == tableEnds:
			inTable = false
		case inTable && line == `default "";`:
			hasDefault = true
		case inTable:
			route, err := parseRoute(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			routes = append(routes, route)
		default:
			return nil, fmt.Errorf("line %d: %q is outside the table", number, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(routes) == 0 || inTable || !hasDefault {
		return nil, errors.New("the table needs routes, an end and the empty default")
	}
	return routes, nil
}

var routeLine = regexp.MustCompile(`^~(\^/\S*) ([a-z]+);$`)

func parseRoute(line string) (Route, error) {
	parts := routeLine.FindStringSubmatch(line)
	if parts == nil {
		return Route{}, fmt.Errorf("%q is not a prefix that begins with ~^/ and a service", line)
	}
	prefix, err := regexp.Compile(parts[1])
	if err != nil {
		return Route{}, err
	}
	return Route{Prefix: prefix, Service: parts[2]}, nil
}

// Match returns the service of the first route that matches a path, as nginx does. If no route matches, it returns "", and
// the gateway answers with 404.
func Match(routes []Route, path string) string {
	for _, route := range routes {
		if route.Prefix.MatchString(path) {
			return route.Service
		}
	}
	return ""
}
