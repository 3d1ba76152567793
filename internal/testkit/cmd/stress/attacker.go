package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
)

// attackFlag makes the program the attacker.
const attackFlag = "attack"

// attackerAddress is another address of this machine than that of the victims, so that a limit for each peer can tell them
// apart.
const attackerAddress = "127.0.0.2"

// strangerAddress is the address of an attacker that needs an API token. The other addresses need none.
const strangerAddress = "127.0.0.3"

// target is what the attacker needs to know.
type target struct {
	Service  string // its name
	Addr     string // the address of its HTTP server
	Database string // the URL of its database
	Rows     int    // the number of seeded products
}

// tally counts what the attacker was told.
type tally struct {
	Answers      map[int]int // by status
	NoRetryAfter int         // 503 without Retry-After
	Opened       int         // connections that the attacker held
	Cut          int         // connections that were refused, or closed without an answer
	Unfinished   int         // requests that still had no answer when the attack ended
	Example      string      // one answer that is a fault of the service
}

// String returns the answers, by status.
func (t tally) String() string {
	text := ""
	for status := 100; status < 600; status++ {
		if n := t.Answers[status]; n > 0 {
			text += fmt.Sprintf("%d × %d, ", n, status)
		}
	}
	return text + fmt.Sprintf("%d × closed, %d × no answer yet", t.Cut, t.Unfinished)
}

// attacker is the process that attacks.
type attacker struct {
	target
	front
	number atomic.Int64 // makes bodies unique
	dialer *net.Dialer
	client *http.Client

	counted func() // for tests: called for each answer and each connection that is held

	mu    sync.Mutex
	tally tally
}

func newAttacker(t target) *attacker {
	a := &attacker{target: t, front: frontOf(t.Service, t.Rows), tally: tally{Answers: map[int]int{}}, counted: func() {}}
	a.number.Store(int64(t.Rows + rand.IntN(t.Rows*(seededMarkets-2)))) // not those of the victims
	a.dialer = &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(attackerAddress)}, Timeout: 5 * time.Second}
	a.client = &http.Client{Transport: &http.Transport{DialContext: a.dialer.DialContext, MaxIdleConnsPerHost: 5000}}
	return a
}

// attack is the whole life of the attacker's process: it reads the target, attacks until its standard input ends, and
// prints its tally.
func attack(ctx context.Context, name string, stdin io.Reader, stdout io.Writer) error {
	kinds, err := choose(name)
	if err != nil {
		return err
	}
	var t target
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	if err := strictjson.UnmarshalKnown(line, &t); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in) // only the end counts
		stop()
	}()
	a := newAttacker(t)
	if err := kinds[0].run(ctx, a); err != nil && ctx.Err() == nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return json.NewEncoder(stdout).Encode(a.tally)
}

// crowd lets n workers act at once, again and again, with a pause after each act.
func (a *attacker) crowd(ctx context.Context, n int, pause time.Duration, act func(ctx context.Context, worker int)) {
	var all sync.WaitGroup
	for worker := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				act(ctx, worker)
				wait(ctx, pause)
			}
		})
	}
	all.Wait()
}

// newBody returns a body that creates another entity each time.
func (a *attacker) newBody() string { return a.body(int(a.number.Add(1))) }

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// send sends a request, reads the whole answer, and counts it. header has names and values in turn.
func (a *attacker) send(ctx context.Context, method, path, body string, header ...string) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.Addr+path, bytes.NewReader([]byte(body)))
	if err != nil {
		a.count(ctx, nil, nil, err)
		return
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := a.client.Do(req)
	if err != nil {
		a.count(ctx, nil, nil, err)
		return
	}
	defer resp.Body.Close()
	start, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // an answer that is cut off counts by its status
	_, _ = io.Copy(io.Discard, resp.Body)
	a.count(ctx, resp, start, nil)
}

// count adds an answer or an error to the tally.
func (a *attacker) count(ctx context.Context, resp *http.Response, body []byte, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			a.tally.Cut++
		} else {
			a.tally.Unfinished++
		}
		return
	}
	a.tally.Answers[resp.StatusCode]++
	a.counted()
	wrong := resp.StatusCode >= 500
	if resp.StatusCode == http.StatusServiceUnavailable {
		if wrong = resp.Header.Get("Retry-After") == ""; wrong {
			a.tally.NoRetryAfter++
		}
	}
	if wrong && a.tally.Example == "" {
		a.tally.Example = fmt.Sprintf("%s %s", resp.Status, bytes.TrimSpace(body))
	}
}

// running is an attack in progress.
type running struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  bytes.Buffer
	says bytes.Buffer
}

// startAttack starts the attacker's process.
func startAttack(ctx context.Context, name string, t target) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &running{cmd: exec.CommandContext(ctx, "nice", "-n", "10", self, "--"+attackFlag, name)}
	r.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.says
	r.cmd.SysProcAttr = kafkaprocess.DieWithParent()
	r.cmd.Cancel = func() error { return r.cmd.Process.Signal(syscall.SIGTERM) }
	r.cmd.WaitDelay = stopPatience
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(r.in).Encode(t); err != nil {
		return nil, errors.Join(err, r.cmd.Wait(), errors.New(r.says.String()))
	}
	return r, nil
}

// stop ends the attack. When it returns, all connections of the attacker are closed.
func (r *running) stop() (tally, error) {
	_ = r.in.Close() // the attacker may have ended already, with an error
	if err := r.cmd.Wait(); err != nil {
		return tally{}, fmt.Errorf("the attacker: %w: %s", err, r.says.String())
	}
	return r.tally()
}

func (r *running) tally() (t tally, err error) {
	err = strictjson.UnmarshalKnown(r.out.Bytes(), &t)
	return t, err
}
