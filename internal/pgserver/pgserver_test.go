package pgserver_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgserver"
)

// TestMain lets this binary play a process that starts a server and is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PGSERVER_TEST_DIR"); dir != "" {
		server, err := pgserver.Start(context.Background(), pgserver.Options{DataDir: dir, Durable: true})
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(server.URL("postgres") + "\n")
		select {}
	}
	os.Exit(m.Run())
}

// folder is one that the server's user can reach, even where that is another user.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func start(t *testing.T, opts pgserver.Options) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	opts := pgserver.Options{DataDir: filepath.Join(folder(t), "pg"), Durable: true}
	server := start(t, opts)
	for range 2 { // the second time it is there
		if err := server.CreateDatabase(t.Context(), "kept"); err != nil {
			t.Fatal(err)
		}
	}
	exec1(t, server.URL("kept"), `CREATE TABLE a AS SELECT 1`)
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec1(t, start(t, opts).URL("kept"), `SELECT * FROM a`)
}

func TestNobodyEntersWithoutThePassword(t *testing.T) {
	t.Parallel()
	server := start(t, pgserver.Options{DataDir: filepath.Join(folder(t), "pg")})
	_, err := pgx.Connect(t.Context(), strings.Replace(server.URL("postgres"), "//postgres:", "//postgres:wrong", 1))
	if err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password gives %v", err)
	}
}

// Whoever starts the server may be killed: the server ends with it, and the next start works on the same data.
func TestTheServerEndsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "pg")
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
		t.Fatal(err)
	}
	exec1(t, strings.TrimSpace(url), `CREATE TABLE a AS SELECT 1`)
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed

	server := start(t, pgserver.Options{DataDir: dir, Durable: true})
	exec1(t, server.URL("postgres"), `SELECT * FROM a`)
	eventually(t, func() bool {
		_, err := pgx.Connect(t.Context(), strings.TrimSpace(url))
		return err != nil
	})
}

func TestWhatCannotWorkIsOneSentence(t *testing.T) {
	t.Parallel()
	busy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() }) // after the parallel subtests
	tests := map[string]struct {
		opts pgserver.Options
		want string
	}{
		"BusyPort":   {pgserver.Options{DataDir: filepath.Join(folder(t), "pg"), Port: busy.Addr().(*net.TCPAddr).Port}, "Address already in use"},
		"NoBinaries": {pgserver.Options{DataDir: filepath.Join(folder(t), "pg"), BinDir: "/nonexistent"}, "/nonexistent has no initdb"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := pgserver.Start(t.Context(), tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func exec1(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		<-tick.C
	}
}
