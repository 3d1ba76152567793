// Package e2e runs the services and the demo as real processes, with a real PostgreSQL and a real or embedded broker. It tests
// them from outside: over HTTP, with their command line, and by the contents of their databases and topics.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// binaries is the folder of the binaries that TestMain builds.
var binaries string

func TestMain(m *testing.M) {
	if err := runManyAtATime(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(buildAndRun(m))
}

// runManyAtATime sets the number of tests that run at a time, unless the command line does. The tests mostly wait for processes and
// time-outs, so a few CPUs are enough for some of them. With the race detector, their services take more CPU time.
func runManyAtATime() error {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		return nil
	}
	many := 7
	if raceDetector {
		many = 4
	}
	return flag.Set("test.parallel", strconv.Itoa(max(many, runtime.GOMAXPROCS(0))))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "monsplit-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir
	args := []string{"build", "-ldflags=-s", "-o", dir + string(filepath.Separator)}
	if raceDetector {
		args = append(args, "-race")
	}
	names, err := services.List()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, name := range append(names, "demo") {
		args = append(args, "./cmd/"+name)
	}
	args = append(args, "./examples/legacy-sync")
	build := exec.CommandContext(context.Background(), "go", args...)
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
