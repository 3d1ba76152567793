package pgserver_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// pid returns the process id of the postmaster.
func pid(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	n, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func running(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(status), ") Z ")
}

// killedParent runs another process, which starts a server and creates a table in it. Then it kills that process.
func killedParent(t *testing.T, dir, table string) {
	t.Helper()
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), "PGSERVER_TEST_DIR="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server for %s: %v", table, err)
	}
	exec1(t, strings.TrimSpace(url), `CREATE TABLE `+table+` AS SELECT 1`)
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
}

// The process that starts the server may be killed. The next start then works on the same data, even while the old server
// still runs. The old server ends by itself.
func TestTheServerEndsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Folder(t), "pg")
	killedParent(t, dir, "a")
	killedParent(t, dir, "b")
	eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
		return os.IsNotExist(err) || err == nil && len(text) == 0
	})
	exec1(t, start(t, pgserver.Options{DataDir: dir, Durable: true}).URL("postgres"), `SELECT * FROM a, b`)
}

// A busy backend does not notice that its postmaster was killed. It holds the shared memory, and PostgreSQL would refuse to
// start.
func TestABackendThatOutlivesItsPostmasterIsEnded(t *testing.T) {
	t.Parallel()
	opts := pgserver.Options{DataDir: filepath.Join(pgtest.Folder(t), "pg"), Durable: true}
	server := start(t, opts)
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	backend := int(conn.PgConn().PID())
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Exec(t.Context(), `DO $$ BEGIN LOOP END LOOP; END $$`)
		ended <- err
	}()
	eventually(t, func() bool {
		var busy bool
		other, err := pgx.Connect(t.Context(), server.URL("postgres"))
		if err != nil {
			return false
		}
		defer other.Close(t.Context())
		return other.QueryRow(t.Context(), `SELECT state = 'active' AND query LIKE 'DO%' FROM pg_stat_activity WHERE pid = $1`, backend).
			Scan(&busy) == nil && busy
	})
	if err := syscall.Kill(pid(t, opts.DataDir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if !running(backend) {
		t.Fatal("the backend ended by itself: this test shows nothing")
	}
	exec1(t, start(t, opts).URL("postgres"), `SELECT 1`)
	if running(backend) {
		t.Error("the backend still runs")
	}
	if err := <-ended; err == nil {
		t.Error("an endless statement ended without an error")
	}
}

// After a crash of the machine, the number in the pid file may belong to another server now. That server must keep running.
func TestAnotherServersProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	opts := pgserver.Options{DataDir: filepath.Join(pgtest.Folder(t), "pg")}
	server := start(t, opts)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	otherDir := filepath.Join(pgtest.Folder(t), "pg")
	other := start(t, pgserver.Options{DataDir: otherDir})
	stale := strconv.Itoa(pid(t, otherDir)) + "\n" + opts.DataDir + "\n1\n1\n\n127.0.0.1\n"
	if err := os.WriteFile(filepath.Join(opts.DataDir, "postmaster.pid"), []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	exec1(t, start(t, opts).URL("postgres"), `SELECT 1`)
	exec1(t, other.URL("postgres"), `SELECT 1`)
}
