package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/kafkajars"
)

var (
	//go:embed log4j2.properties
	logging []byte
	//go:embed server.properties.tmpl
	settings string
)

// obtain returns the folder with Kafka's jars. The first call downloads them.
func obtain(ctx context.Context, cache string) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", errors.New("java is missing: install a Java runtime, version 17 or newer (Debian: openjdk-17-jre-headless)")
	}
	return kafkajars.Folder(ctx, cache, func(step string) { fmt.Fprintln(os.Stderr, "realkafka:", step) })
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

// kafka is a running broker.
type kafka struct {
	addr  string
	dir   string
	cmd   *exec.Cmd
	ended chan struct{}
}

func start(ctx context.Context, jars, dir string) (*kafka, error) {
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	var properties bytes.Buffer
	err = template.Must(template.New("").Parse(settings)).Execute(&properties, map[string]any{
		"Port": ports[0], "ControllerPort": ports[1], "Data": filepath.Join(dir, "data")})
	if err != nil {
		return nil, err
	}
	config, log4j := filepath.Join(dir, "server.properties"), filepath.Join(dir, "log4j2.properties")
	if err := errors.Join(os.WriteFile(config, properties.Bytes(), 0o600), os.WriteFile(log4j, logging, 0o600)); err != nil {
		return nil, err
	}
	java := func(args ...string) *exec.Cmd {
		args = append([]string{"-Xms256m", "-Xmx768m", "-XX:+UseSerialGC",
			"-Dlog4j2.configurationFile=" + log4j, "-Dkafka.logs.dir=" + dir, "-cp", filepath.Join(jars, "*")}, args...)
		cmd := exec.CommandContext(ctx, "java", args...) //nolint:gosec // ours
		// The broker gets a process group of its own. An interrupt from the terminal must not end it before its clients.
		cmd.SysProcAttr = dieWithParent()
		cmd.SysProcAttr.Setpgid = true
		return cmd
	}
	const cluster = "bW9uc3BsaXQtdGVzdHMtMQ" // sixteen bytes, base64
	if out, err := java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", config).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format the broker's storage: %w\n%s", err, out)
	}
	k := &kafka{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), dir: dir, ended: make(chan struct{})}
	log, err := os.Create(filepath.Join(dir, "kafka.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	k.cmd = java("kafka.Kafka", config)
	k.cmd.Cancel = func() error { return nil } // stop ends the broker, after the command that uses it
	k.cmd.Stdout, k.cmd.Stderr = log, log
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start kafka: %w", err)
	}
	go func() {
		_ = k.cmd.Wait()
		close(k.ended)
	}()
	return k, nil
}

// stop ends the broker. Its data is discarded, so a short time for an orderly end is enough.
func (k *kafka) stop() {
	_ = k.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-k.ended:
	case <-time.After(3 * time.Second):
		_ = k.cmd.Process.Kill()
		<-k.ended
	}
}

// tail returns the end of the broker's log.
func (k *kafka) tail() string {
	log, err := os.ReadFile(filepath.Join(k.dir, "kafka.log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

func freePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all stay open until all are known, so that all ports differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
