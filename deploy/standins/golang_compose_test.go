//go:build compose

package main

import (
	"strings"
	"testing"
)

func TestGolang(t *testing.T) {
	t.Parallel()
	got := dockerOK(t, "run", "--rm", golangImage, "bash", "-euc", `
		go version
		go env GOPROXY GOTOOLCHAIN GOPATH
		pwd
		git --version
		test -s /etc/ssl/certs/ca-certificates.crt
		echo 'package main; func main() { println("built") }' > /tmp/x.go && CGO_ENABLED=0 go run /tmp/x.go`)
	for _, part := range []string{"go version go1.", "https://proxy.golang.org,direct\nlocal\n/go\n/go\n", "git version", "built"} {
		want(t, "the image", got, part)
	}
	if version := dockerOK(t, "run", "--rm", golangImage, "printenv", "GOLANG_VERSION"); !strings.Contains(got, "go"+strings.TrimSpace(version)) {
		t.Errorf("GOLANG_VERSION is %q; want that of %q", version, got)
	}
}
