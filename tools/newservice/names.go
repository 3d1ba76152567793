package main

import (
	"errors"
	"fmt"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// names holds what the templates insert, by the name that they use. The templates have no "a" or "an" before a name, because
// the right one depends on how the name is spoken: an hour, a user.
type names map[string]string

// valid has only letters: the gateway's route table and docs/problems.md take no digits.
var valid = regexp.MustCompile(`^[a-z]+$`)

// taken lists the names that the generated code or the repository uses for something else.
var taken = []string{
	"admin", "any", "api", "apperr", "broker", "bulkimport", "code", "config", "condition", "consume", "consumer", "context", "copyrow", "db",
	"deploy", "docs", "entry", "err", "errors", "event", "eventschema", "fill", "first", "fmt", "gateway", "healthz", "http", "httpapi", "httpserver",
	"idempotency", "internal", "iter", "json", "kafka", "keyset", "list", "main", "maps", "messages", "messaging", "name", "oapi",
	"postgres", "product", "productcopy", "publish", "regexp", "samplemark", "serviceframe", "slices", "slog", "store", "strings",
	"test", "testing", "time", "uuid",
}

func newNames(root, service, model string) (names, error) {
	if model == "" {
		singular, plural := strings.CutSuffix(service, "s")
		if !plural {
			return nil, fmt.Errorf("%q has no last \"s\" to cut off: name the owned model with --model", service)
		}
		model = singular
	}
	for _, name := range []string{service, model} {
		switch {
		case !valid.MatchString(name):
			return nil, fmt.Errorf("%q is not a name: want lower-case letters", name)
		case token.IsKeyword(name) || slices.Contains(taken, name):
			return nil, fmt.Errorf("the name %q has another meaning in the code", name)
		}
	}
	if service == model {
		return nil, fmt.Errorf("the service and its model cannot have the same name %q: both are Go packages", model)
	}
	for _, folder := range []string{"services/" + service, "api/" + service, "sql/" + service, "cmd/" + service} {
		if _, err := os.Stat(filepath.Join(root, folder)); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s exists already", folder)
		}
	}
	services, err := os.ReadDir(filepath.Join(root, "services"))
	if err != nil {
		return nil, err
	}
	return names{
		"service": service, "Service": upperFirst(service), "SERVICE": strings.ToUpper(service),
		"model": model, "Model": upperFirst(model), "models": plural(model), "Models": upperFirst(plural(model)),
		"port": strconv.Itoa(8000 + len(services)),
	}, nil
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func plural(s string) string {
	last := s[len(s)-1:]
	switch {
	case last == "y" && !strings.ContainsAny(s[max(0, len(s)-2):len(s)-1], "aeiou"):
		return s[:len(s)-1] + "ies"
	case last == "s" || last == "x" || strings.HasSuffix(s, "ch") || strings.HasSuffix(s, "sh"):
		return s + "es"
	}
	return s + "s"
}
