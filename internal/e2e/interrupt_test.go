//go:build !realkafka

package e2e

// Imports work on the database. So these tests run with make test alone.

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// importRun is a running "monolith import" of a file.
type importRun struct {
	t              *testing.T
	database       string
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
}

func (r *importRun) begin(path string) {
	r.t.Helper()
	r.cmd = exec.CommandContext(r.t.Context(), filepath.Join(binaries, "monolith"), "import", path)
	r.cmd.Env = environment("DATABASE_URL=" + r.database)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = &r.stdout, &r.stderr, dieWithParent()
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
}

// interrupt sends SIGINT, as Ctrl-C does, and waits for the end.
func (r *importRun) interrupt() result {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait() // the exit code is read from ProcessState
	return result{r.stdout.String(), r.stderr.String(), r.cmd.ProcessState.ExitCode()}
}

// holdProductTable locks the table of products, and returns a function that ends the lock.
func (r *importRun) holdProductTable() (release func()) {
	r.t.Helper()
	conn, err := pgx.Connect(r.t.Context(), r.database)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := conn.Exec(r.t.Context(), `BEGIN; LOCK TABLE product`); err != nil {
		r.t.Fatal(err)
	}
	return func() { _ = conn.Close(r.t.Context()) }
}

// waits returns when the import waits for that lock.
func (r *importRun) waits() {
	r.t.Helper()
	eventually(r.t, "the import waits for the table", func() bool {
		return len(rows(r.t, r.database, `SELECT 1 FROM pg_locks WHERE relation = 'product'::regclass AND NOT granted`)) > 0
	})
}

// written returns the numbers of products and of events, as one statement sees them.
func (r *importRun) written() (products, events int) {
	r.t.Helper()
	both := rows(r.t, r.database, `SELECT (SELECT count(*) FROM product) || ' ' || (SELECT count(*) FROM outbox)`)[0]
	if _, err := fmt.Sscan(both, &products, &events); err != nil {
		r.t.Fatalf("%q: %v", both, err)
	}
	return products, events
}

// manyProducts returns a CSV file of n products.
func manyProducts(t *testing.T, n int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("name,product_category\n")
	for i := range n {
		fmt.Fprintf(&text, "Product %d,Tests\n", i)
	}
	path := filepath.Join(t.TempDir(), "products.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Ctrl-C ends an import in the middle of the writing. What is written is complete, and a second run writes the rest.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	const n = 5000
	path := manyProducts(t, n)
	run := &importRun{t: t, database: pgtest.NewURL(t)}
	env := []string{"DATABASE_URL=" + run.database}
	command(t, env, "monolith", "migrate").ok(t)

	run.begin(path)
	eventually(t, "some products are written", func() bool {
		products, _ := run.written()
		return products >= 100
	})
	release := run.holdProductTable() // the import cannot come to its end before the signal
	run.waits()
	r := run.interrupt()
	release()

	_, after, _ := strings.Cut(r.stderr, "monolith: import stopped after ")
	told, advice, _ := strings.Cut(after, " ")
	counted, err := strconv.Atoi(told)
	if r.code != 1 || err != nil || advice != "of 5000 products; run it again to go on: interrupted\n" {
		t.Fatalf("%+v", r)
	}
	if want := fmt.Sprintf("products: %d created, 0 updated, 0 unchanged\n", counted); r.stdout != want {
		t.Errorf("printed %q, want %q", r.stdout, want)
	}
	// The answer to a COMMIT may have come too late to be counted, once for each of the eight writers.
	products, events := run.written()
	if products < counted || products > counted+8 || products >= n || events != products {
		t.Errorf("%d products and %d events, the import has told %d", products, events, counted)
	}

	again := command(t, env, "monolith", "import", path).ok(t)
	if want := fmt.Sprintf("products: %d created, 0 updated, %d unchanged\n", n-products, products); again.stdout != want {
		t.Errorf("the second run printed %q, want %q", again.stdout, want)
	}
	if products, events := run.written(); products != n || events != n {
		t.Errorf("%d products and %d events after the second run", products, events)
	}
}

// Ctrl-C during the checks ends the import before it has written anything.
func TestImportInterruptedDuringTheChecks(t *testing.T) {
	t.Parallel()
	path := manyProducts(t, 5000)
	run := &importRun{t: t, database: pgtest.NewURL(t)}
	command(t, []string{"DATABASE_URL=" + run.database}, "monolith", "migrate").ok(t)

	release := run.holdProductTable()
	run.begin(path)
	run.waits() // the checks compare the names with those in the table
	r := run.interrupt()
	release()

	want := result{
		stdout: "products: 0 created, 0 updated, 0 unchanged\n", code: 1,
		stderr: "monolith: import stopped before the check of " + path + " was complete, and nothing was written; run it again: interrupted\n",
	}
	if r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	if products, events := run.written(); products != 0 || events != 0 {
		t.Errorf("%d products and %d events", products, events)
	}
}
