package pgserver_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// TestMain lets this binary act as a process that starts a server and is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PGSERVER_TEST_DIR"); dir != "" {
		server, err := pgserver.Start(context.Background(), pgserver.Options{DataDir: dir, Durable: true,
			Settings: map[string]string{"dynamic_shared_memory_type": "mmap"}})
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString(server.URL("postgres") + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func start(t *testing.T, opts pgserver.Options) *pgserver.Server {
	t.Helper()
	// The shared memory is in a file in the data folder, so that a killed server leaves nothing behind on the machine.
	opts.Settings = map[string]string{"dynamic_shared_memory_type": "mmap"}
	server, err := pgserver.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	opts := pgserver.Options{DataDir: filepath.Join(pgtest.Folder(t), "pg"), Durable: true}
	server := start(t, opts)
	for range 2 { // the second time the database exists
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

func TestARunningServerIsProtected(t *testing.T) {
	t.Parallel()
	opts := pgserver.Options{DataDir: filepath.Join(pgtest.Folder(t), "pg")}
	server := start(t, opts)
	_, err := pgx.Connect(t.Context(), strings.Replace(server.URL("postgres"), "//postgres:", "//postgres:wrong", 1))
	if err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password gives %v", err)
	}
	if info, err := os.Stat(filepath.Join(opts.DataDir, "monsplit.password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the password is kept as %v, %v", info, err)
	}
	if _, err := pgserver.Start(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "another process runs PostgreSQL on") {
		t.Errorf("a second server on the same folder gives %v", err)
	}
	exec1(t, server.URL("postgres"), `SELECT 1`)
}

func TestStartFaultsAreOneSentence(t *testing.T) {
	t.Parallel()
	busy, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() }) // after the parallel subtests
	file := filepath.Join(pgtest.Folder(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		opts pgserver.Options
		want string
	}{
		"BusyPort":   {pgserver.Options{Port: busy.Addr().(*net.TCPAddr).Port}, "is taken: choose another one"},
		"NoBinaries": {pgserver.Options{BinDir: "/nonexistent"}, "/nonexistent has no initdb"},
		"NoFetching": {pgserver.Options{Fetch: true, CacheDir: filepath.Join(file, "cache")}, "apt install postgresql"},
		"NoDownload": {pgserver.Options{Fetch: true, FetchURL: "http://127.0.0.1:1", CacheDir: filepath.Join(pgtest.Folder(t), "cache")},
			"could not be downloaded: install it (Debian and Ubuntu: apt install postgresql; macOS: brew install postgresql@17), or name a running server: Get \"http://127.0.0.1:1/io/zonky/"},
		"NoFolder": {pgserver.Options{DataDir: filepath.Join(file, "pg")}, "make the data folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.opts.DataDir == "" {
				tt.opts.DataDir = filepath.Join(pgtest.Folder(t), "pg")
			}
			_, err := pgserver.Start(t.Context(), tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %q on one line", err, tt.want)
			}
		})
	}
}

// A hanging download can be canceled.
func TestFetchingCanBeStopped(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	repository := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(repository.Close)
	t.Cleanup(func() { close(release) }) // before: closing waits for the request
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := pgserver.Start(ctx, pgserver.Options{DataDir: filepath.Join(pgtest.Folder(t), "pg"), Fetch: true,
			FetchURL: repository.URL, CacheDir: filepath.Join(pgtest.Folder(t), "cache")})
		ended <- err
	}()
	<-asked
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A folder with other content is refused, and nothing in it is lost.
func TestAForeignFolderIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Folder(t), "letters")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "letter.txt")
	if err := os.WriteFile(kept, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := pgserver.Start(t.Context(), pgserver.Options{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "is not empty and has no PostgreSQL data") {
		t.Errorf("error %v", err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "dear" {
		t.Errorf("the folder contains %q, %v", text, err)
	}
}

// initdb takes seconds, and may be killed meanwhile.
func TestAnInterruptedInitializationIsRepeated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(pgtest.Folder(t), "pg")
	for _, half := range []string{dir, dir + ".initdb"} { // the first is empty, because a user may have created it
		if err := os.Mkdir(half, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir+".initdb", "PG_VERSION"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	exec1(t, start(t, pgserver.Options{DataDir: dir}).URL("postgres"), `SELECT 1`)
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
			t.Fatal("timed out waiting")
		}
		<-tick.C
	}
}
