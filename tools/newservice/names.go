package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// names holds what the templates insert, by the name that they use. The templates have no "a" or "an" before a name, because
// the right one depends on how the name is spoken: an hour, a user.
type names map[string]string

// valid has only letters: the gateway's route table and docs/problems.md take no digits. PostgreSQL cuts names off after 63
// letters, and the names of indexes and triggers begin with that of the model.
var valid = regexp.MustCompile(`^[a-z]{2,30}$`)

// newNames derives all names. An empty model is the service without its last "s", an empty plural is derived from the model.
func newNames(root, service, model, models string) (names, error) {
	if model == "" {
		singular, plural := strings.CutSuffix(service, "s")
		if !plural && valid.MatchString(service) {
			return nil, fmt.Errorf("the service %q has no last \"s\" to cut off: name the model that it owns with --model (make: MODEL)", service)
		}
		model = singular
	}
	for _, name := range []string{service, model} {
		if !valid.MatchString(name) {
			return nil, fmt.Errorf("%q is not a name: want 2 to 30 letters from a to z, without capitals and hyphens, such as useraccounts", name)
		}
	}
	if models == "" {
		models = plural(model)
	}
	if !valid.MatchString(models) {
		return nil, fmt.Errorf("%q is not a plural: want 2 to 30 letters from a to z; name another one with --plural (make: PLURAL)", models)
	}
	switch model {
	case service:
		return nil, fmt.Errorf("the service and its model cannot both be named %q: name the model with --model (make: MODEL)", model)
	case models:
		return nil, fmt.Errorf("the model and its plural cannot both be named %q: name the plural with --plural (make: PLURAL)", model)
	}
	port, err := nextPort(root)
	return names{
		"service": service, "Service": upperFirst(service), "SERVICE": strings.ToUpper(service),
		"model": model, "Model": upperFirst(model), "models": models, "Models": upperFirst(models), "port": strconv.Itoa(port),
	}, err
}

var portOfService = regexp.MustCompile(`(?m)^GATEWAY_[A-Z]+=[a-z]+:(\d+)$`)

// nextPort returns the port after those of the existing services.
func nextPort(root string) (int, error) {
	const file = "deploy/gateway/gateway.env"
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return 0, err
	}
	last := 0
	for _, m := range portOfService.FindAllSubmatch(text, -1) {
		port, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		last = max(last, port)
	}
	if last == 0 {
		return 0, fmt.Errorf("%s names no port of a service", file)
	}
	return last + 1, nil
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(s string) string {
	last := s[len(s)-1:]
	switch {
	case last == "y" && !strings.ContainsAny(s[len(s)-2:len(s)-1], "aeiou"):
		return s[:len(s)-1] + "ies"
	case last == "s" || last == "x" || strings.HasSuffix(s, "ch") || strings.HasSuffix(s, "sh"):
		return s + "es"
	}
	return s + "s"
}
