package main

import (
	"errors"
	"testing"
)

func TestPullError(t *testing.T) {
	t.Parallel()
	const daemon = "Error response from daemon: "
	for output, want := range map[string]error{
		daemon + `Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host`:        errUnreachable,
		daemon + `Get "https://registry-1.docker.io/v2/": dial tcp 192.0.2.1:443: i/o timeout`:                        errUnreachable,
		daemon + `Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection`:    errUnreachable,
		daemon + "manifest for postgres:17.999 not found: manifest unknown: manifest unknown":                         errNoSuchImage,
		daemon + "pull access denied for nosuch, repository does not exist or may require 'docker login'":             errNoSuchImage,
		"17.11: Pulling from library/postgres\n" + daemon + "toomanyrequests: You have reached your pull rate limit.": nil,
	} {
		err := pullError(output)
		for _, sentinel := range []error{errUnreachable, errNoSuchImage} {
			if errors.Is(err, sentinel) != errors.Is(want, sentinel) {
				t.Errorf("pullError(%q) = %v; want %v", output, err, want)
			}
		}
	}
}
