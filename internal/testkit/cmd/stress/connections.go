package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// reconnect is the pause of an attacker before it replaces a connection that was closed.
const reconnect = 500 * time.Millisecond

func slowBodies(ctx context.Context, a *attacker) error {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{", a.create, a.Addr)
	a.hold(ctx, 300, head, " ", 500*time.Millisecond)
	return nil
}

func slowHeaders(ctx context.Context, a *attacker) error {
	head := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n", a.product(1), a.Addr)
	a.hold(ctx, 500, head, "X-Slow: 1\r\n", time.Second)
	return nil
}

// idleAttack is the name of the attack that goes beyond the limit of connections.
const idleAttack = "idle"

func idle(ctx context.Context, a *attacker) error {
	a.hold(ctx, 2000, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", a.product(1), a.Addr), "", time.Second)
	return nil
}

// opening is the time between the first connections of an attack that holds many: it is about their number, not about the
// work to open them.
const opening = time.Millisecond

// hold keeps n connections. It sends head on each, then drop after drop, and counts the answers.
func (a *attacker) hold(ctx context.Context, n int, head, drop string, every time.Duration) {
	began := time.Now()
	a.crowd(ctx, n, reconnect, func(ctx context.Context, worker int) {
		wait(ctx, time.Until(began.Add(time.Duration(worker)*opening)))
		conn, err := a.dialer.DialContext(ctx, "tcp", a.Addr)
		if err == nil {
			_, err = io.WriteString(conn, head)
		}
		if err != nil {
			a.count(ctx, nil, nil, err)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		a.opened()
		var dropping sync.WaitGroup
		defer dropping.Wait()
		alive, end := context.WithCancel(ctx)
		defer end()
		if drop != "" {
			dropping.Go(func() {
				for err := error(nil); err == nil && alive.Err() == nil; wait(alive, every) {
					_, err = io.WriteString(conn, drop)
				}
			})
		}
		a.countAnswers(ctx, conn)
	})
}

func (a *attacker) opened() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tally.Opened++
	a.counted()
}

// countAnswers reads answers until the connection ends. A connection that ends without an answer is counted too.
func (a *attacker) countAnswers(ctx context.Context, conn net.Conn) {
	in := bufio.NewReader(conn)
	for answers := 0; ; answers++ {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			if answers == 0 {
				a.count(ctx, nil, nil, err)
			}
			return
		}
		body, _ := io.ReadAll(resp.Body) // an answer that is cut off counts by its status
		resp.Body.Close()
		a.count(ctx, resp, body[:min(300, len(body))], nil)
	}
}

func halfClosed(ctx context.Context, a *attacker) error {
	a.crowd(ctx, 16, 200*time.Millisecond, func(ctx context.Context, _ int) {
		conn, err := a.dialer.DialContext(ctx, "tcp", a.Addr)
		if err != nil {
			a.count(ctx, nil, nil, err)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		body := a.newBody()
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			a.create, a.Addr, len(body), body)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			err = tcp.CloseWrite()
		}
		if err != nil {
			a.count(ctx, nil, nil, err)
			return
		}
		a.countAnswers(ctx, conn)
	})
	return nil
}

// slowReaders read 64 KiB per second each. Their receive buffers are small, so that the service notices it.
func slowReaders(ctx context.Context, a *attacker) error {
	dialer := *a.dialer
	dialer.Control = func(_, _ string, c syscall.RawConn) (err error) {
		errControl := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		if errControl != nil {
			return errControl
		}
		return err
	}
	request := fmt.Sprintf("GET %s?%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", a.list, a.all, a.Addr)
	a.crowd(ctx, 100, reconnect, func(ctx context.Context, _ int) {
		conn, err := dialer.DialContext(ctx, "tcp", a.Addr)
		if err == nil {
			_, err = io.WriteString(conn, request)
		}
		if err != nil {
			a.count(ctx, nil, nil, err)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
		if err != nil {
			a.count(ctx, nil, nil, err)
			return
		}
		defer resp.Body.Close()
		a.count(ctx, resp, nil, nil)
		part := make([]byte, 4096)
		for err == nil && ctx.Err() == nil {
			_, err = resp.Body.Read(part)
			wait(ctx, 64*time.Millisecond)
		}
	})
	return nil
}
