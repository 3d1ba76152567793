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
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
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
	jars, err := kafkaprocess.Obtain(ctx, cache, func(step string) { fmt.Fprintln(os.Stderr, "realkafka:", step) })
	if err != nil {
		return err
	}
	dir, err := scratch(cache)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kafka, err := kafkaprocess.New(ctx, jars, dir, nil)
	if err != nil {
		return err
	}
	if err := kafka.Start(); err != nil {
		return err
	}
	defer kafka.Stop(3 * time.Second) // its data is discarded, so a short time for an orderly end is enough
	if err := kafka.Ready(ctx); err != nil {
		return err
	}
	return command(ctx, args, kafka.Addr)
}

// command runs the given command. An interrupt from the terminal reaches it directly. Other signals are forwarded.
func command(ctx context.Context, args []string, addr string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // the caller's command
	cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+addr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = kafkaprocess.DieWithParent()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

// scratch creates a folder for one run, and removes the folders of killed runs.
func scratch(cache string) (string, error) {
	old, _ := filepath.Glob(filepath.Join(cache, "run-*"))
	for _, dir := range old {
		pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(dir), "run-"))
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
	dir := filepath.Join(cache, "run-"+strconv.Itoa(os.Getpid()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make a scratch folder: %w", err)
	}
	return dir, nil
}
