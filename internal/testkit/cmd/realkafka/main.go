// Command realkafka runs a command with a real Apache Kafka. It downloads Kafka as Maven packages, starts a broker, and
// stops it after the command:
//
//	realkafka -- go test ./internal/messaging/broker/...
//
// The command finds the broker's address in KAFKA_BROKERS. Java 17 or newer and Maven must be installed. The packages stay
// in the user's cache folder. The broker's data is discarded.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

func main() {
	// The system kills a child when the thread that started it ends. So this thread, which ends last, starts all of them.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go orphaned(stop)
	err := run(ctx, os.Args[1:])
	stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(max(exit.ExitCode(), 1))
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "realkafka:", err)
		os.Exit(1)
	}
}

// orphaned calls stop when the parent process has ended: "go run" and make do not forward signals.
func orphaned(stop func()) {
	parent := os.Getppid()
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			stop()
			return
		}
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("usage: realkafka -- command arguments…")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the cache folder: %w", err)
	}
	cache = filepath.Join(cache, "monsplit")
	jars, err := obtain(ctx, cache)
	if err != nil {
		return err
	}
	dir, err := scratch(cache)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kafka, err := start(ctx, jars, dir)
	if err != nil {
		return err
	}
	defer kafka.stop()
	if err := kafka.ready(ctx); err != nil {
		return err
	}
	return command(ctx, args, kafka.addr)
}

// command runs the given command. An interrupt from the terminal reaches it directly. Other signals are forwarded.
func command(ctx context.Context, args []string, addr string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the caller's command
	cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+addr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = dieWithParent()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

// ready waits until the broker hands out producer ids. That is the last function to become available after a start.
func (k *kafka) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := broker.New(broker.Config{Brokers: []string{k.addr}, RequestTimeout: time.Second},
		slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer client.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := client.NewProducerID(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-k.ended:
			return fmt.Errorf("kafka ended by itself:\n%s", k.tail())
		case <-ctx.Done():
			return fmt.Errorf("kafka is not ready: %w\n%s", err, k.tail())
		case <-tick.C:
		}
	}
}
