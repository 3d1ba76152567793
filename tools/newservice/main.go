// Command newservice adds a service to the repository: one owned model with API, migrations and events, one copy of the
// monolith's products, their tests, and the entries in the lists that name every service.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const usage = `newservice adds a service to the repository, as a complete program with tests. Run it in the root folder:

	make new-service NAME=orders MODEL=order
	go run ./tools/newservice [--model MODEL] [--plural MODELS] [--force] NAME

NAME and MODEL are letters from a to z. MODEL is the singular name of the model that the service owns. The default is NAME
without its last "s". The model starts with a code, which is its id, and a name. Change both afterwards.

It writes the service, its documents and its tests, and adds the service to the lists that name every service. Then it
prints what to do next. docs/development.md, "Add a service", says what it writes and what it does not write.

`

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "newservice:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, help io.Writer) error {
	flags := flag.NewFlagSet("newservice", flag.ContinueOnError)
	flags.SetOutput(help)
	flags.Usage = func() {
		fmt.Fprint(help, usage)
		flags.PrintDefaults()
	}
	model := flags.String("model", "", "the singular name of the owned `model`")
	models := flags.String("plural", "", "the `plural` of the model, if the derived one is wrong")
	root := flags.String("root", ".", "the root `folder` of the repository")
	force := flags.Bool("force", false, "write although the git tree has uncommitted changes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || flags.Arg(0) == "" {
		return errors.New("want one name, after the flags, as in: make new-service NAME=orders MODEL=order")
	}
	if err := isRepository(*root); err != nil {
		return err
	}
	n, err := newNames(*root, flags.Arg(0), *model, *models)
	if err != nil {
		return err
	}
	changes, err := plan(*root, n)
	if err != nil {
		return err
	}
	if !*force {
		if err := clean(ctx, *root); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if err := c.write(*root); err != nil {
			return err
		}
		fmt.Fprintln(out, c.what, c.path)
	}
	fmt.Fprintf(out, `
Next, as docs/development.md ("Add a service") says:
	make generate
	go run ./internal/testkit/cmd/withpostgres -- go test ./services/%[1]s/... && make test
`, n["service"])
	return nil
}

// isRepository returns an error if the folder is not the root of this repository.
func isRepository(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !strings.HasPrefix(string(text), "module github.com/monsplit/monsplit\n") {
		return errors.New("this folder is not the root of the repository: run newservice there, or name it with --root")
	}
	return nil
}

// clean refuses a tree with uncommitted changes, because they would be mixed with the new files.
func clean(ctx context.Context, root string) error {
	status, err := exec.CommandContext(ctx, "git", "-C", root, "status", "--porcelain").Output()
	if err != nil {
		return fmt.Errorf("git status: %w", err)
	}
	if len(status) > 0 {
		return fmt.Errorf("there are uncommitted changes; commit them first, or use --force:\n%s", strings.TrimRight(string(status), "\n"))
	}
	return nil
}
