// Command withpostgres runs a command with one PostgreSQL server for all test packages of the run.
//
//	go run ./internal/testkit/cmd/withpostgres -- go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres -- COMMAND [ARGUMENTS]")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run returns the command's exit code. If TEST_DATABASE_URL is set, it uses that server and starts none.
func run(args []string) (int, error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env := os.Environ()
	if os.Getenv(pgtest.Variable) == "" {
		dir, err := pgtest.ScratchDir()
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		server, err := pgserver.Start(ctx, pgtest.ScratchOptions(dir))
		if err != nil {
			return 0, err
		}
		defer server.Kill()
		env = append(env, pgtest.Variable+"="+server.URL("postgres"))
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
