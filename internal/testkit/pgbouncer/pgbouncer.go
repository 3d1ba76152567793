// Package pgbouncer runs a PgBouncer of the machine in front of a PostgreSQL server, for one test.
package pgbouncer

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// startTimeout limits the time until PgBouncer answers.
const startTimeout = 30 * time.Second

// Pooler is a running PgBouncer that lends sessions in transaction mode. It has at most two sessions for each database, so that
// clients that work at the same time share them.
type Pooler struct {
	t    testing.TB
	addr string
	log  lockedBuffer
}

// Start starts a PgBouncer in front of the server at a URL. It ends with the test. Settings are lines of its configuration.
func Start(t testing.TB, server string, settings ...string) *Pooler {
	t.Helper()
	program := find(t)
	target, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatalf("pgbouncer: %v", err)
	}
	p := &Pooler{t: t, addr: freeport.Addr(t)}
	ended := p.run(program, p.configure(target, settings))
	if !p.answers(ended) {
		t.Fatalf("pgbouncer does not start:\n%s", p.log.String())
	}
	return p
}

func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/usr/local/bin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Fatal("this test needs PgBouncer: install it with \"apt-get install pgbouncer\" (Debian, Ubuntu) or from https://www.pgbouncer.org")
	return ""
}

// configure writes the files and returns the path of the configuration.
func (p *Pooler) configure(target *pgx.ConnConfig, settings []string) string {
	p.t.Helper()
	dir := pgtest.Folder(p.t)
	host, port, _ := net.SplitHostPort(p.addr)
	lines := append([]string{
		"[databases]", fmt.Sprintf("* = host=%s port=%d", target.Host, target.Port),
		"[pgbouncer]", "listen_addr = " + host, "listen_port = " + port, "unix_socket_dir =",
		"auth_type = trust", "auth_file = " + filepath.Join(dir, "users"), "admin_users = " + target.User,
		"pool_mode = transaction", "default_pool_size = 2", "max_client_conn = 200",
	}, settings...)
	config := filepath.Join(dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		config: strings.Join(lines, "\n") + "\n", filepath.Join(dir, "users"): fmt.Sprintf("%q %q\n", target.User, target.Password),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it, and it has no secret
			p.t.Fatal(err)
		}
	}
	return config
}

// run starts the process and returns a channel that is closed when it has ended.
func (p *Pooler) run(program, config string) (ended chan struct{}) {
	p.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(p.t.Context()), program, config)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = kafkaprocess.DieWithParent()
	cmd.SysProcAttr.Credential = otherThanRoot(p.t)
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start pgbouncer: %v", err)
	}
	ended = make(chan struct{})
	go func() {
		_ = cmd.Wait() // its log has the reason of its end
		close(ended)
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already
		<-ended
	})
	return ended
}

// otherThanRoot returns the user that PgBouncer runs as if this process runs as root, because PgBouncer refuses root.
func otherThanRoot(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatalf("pgbouncer does not run as root: %v", err)
	}
	uid, errUID := strconv.ParseUint(nobody.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(nobody.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		t.Fatalf("the user nobody has the ids %q and %q", nobody.Uid, nobody.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// answers waits until PgBouncer takes connections. It returns false if the process ends before.
func (p *Pooler) answers(ended chan struct{}) bool {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := new(net.Dialer).DialContext(p.t.Context(), "tcp", p.addr); err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-deadline.C:
			return false
		case <-tick.C:
		}
	}
}

// URL returns the URL of a database of the server, through the pooler.
func (p *Pooler) URL(direct string) string {
	p.t.Helper()
	u, err := url.Parse(direct)
	if err != nil {
		p.t.Fatal(err)
	}
	u.Host = p.addr
	return u.String()
}

// Reconnect lets the pooler open its sessions again, so that they have the server's present settings.
func (p *Pooler) Reconnect(direct string) { p.admin(direct, "RECONNECT") }

// Transactions returns how many transactions the pooler has passed on to a database.
func (p *Pooler) Transactions(direct string) (n int64) {
	p.t.Helper()
	target, err := pgx.ParseConfig(direct)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, row := range p.admin(direct, "SHOW STATS_TOTALS") {
		if row["database"] == target.Database {
			n, err = strconv.ParseInt(row["xact_count"], 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
		}
	}
	return n
}

// admin runs a command at PgBouncer's console and returns the rows of its answer.
func (p *Pooler) admin(direct, command string) []map[string]string {
	p.t.Helper()
	ctx := context.WithoutCancel(p.t.Context())
	u, err := url.Parse(p.URL(direct))
	if err != nil {
		p.t.Fatal(err)
	}
	u.Path = "/pgbouncer"
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		p.t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // the console knows no other
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		p.t.Fatalf("pgbouncer's console: %v", err)
	}
	defer conn.Close(ctx)
	result, err := conn.Query(ctx, command)
	if err != nil {
		p.t.Fatalf("pgbouncer's console: %s: %v", command, err)
	}
	rows, err := pgx.CollectRows(result, func(row pgx.CollectableRow) (map[string]string, error) {
		cells := map[string]string{}
		for i, raw := range row.RawValues() { // all as text
			cells[row.FieldDescriptions()[i].Name] = string(raw)
		}
		return cells, nil
	})
	if err != nil {
		p.t.Fatalf("pgbouncer's console: %s: %v", command, err)
	}
	return rows
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
