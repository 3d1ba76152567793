// Package kafkaprocess runs a broker of Apache Kafka as a child process, with one node and a folder of data.
package kafkaprocess

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"text/template"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/tcpport"
	"github.com/monsplit/monsplit/internal/testkit/kafkajars"
)

var (
	//go:embed log4j2.properties
	logging []byte
	//go:embed server.properties.tmpl
	settings string
)

// Obtain returns the folder with Kafka's jars. The first call downloads them into the folder cache, and
// reports that to progress.
func Obtain(ctx context.Context, cache string, progress func(string)) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", errors.New("java is missing: install a Java runtime, version 17 or newer (Debian: openjdk-17-jre-headless)")
	}
	return kafkajars.Folder(ctx, cache, progress)
}

// Broker is a broker. It keeps its address and its data when it is started again.
type Broker struct {
	Addr string // host:port for clients
	Data string // the folder of its logs; a partition is in TOPIC-NUMBER

	dir   string
	java  func(args ...string) *exec.Cmd
	cmd   *exec.Cmd
	ended chan struct{}
}

// New formats the storage of a broker in the folder dir, with the jars of Obtain. It does not start the broker. With secured,
// which may be nil, the broker also has listeners with TLS and SASL.
func New(ctx context.Context, jars, dir string, secured *Secured) (*Broker, error) {
	ports, err := reservePorts(5)
	if err != nil {
		return nil, err
	}
	b := &Broker{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), Data: filepath.Join(dir, "data"), dir: dir}
	var properties bytes.Buffer
	err = template.Must(template.New("").Parse(settings)).Execute(&properties, map[string]any{
		"Port": ports[0], "ControllerPort": ports[1], "Data": b.Data, "Secured": secured.at(ports[2:]),
		"SASLListeners": []string{"secure", "signed"}})
	if err != nil {
		return nil, err
	}
	log4j := filepath.Join(dir, "log4j2.properties")
	if err := errors.Join(os.WriteFile(b.config(), properties.Bytes(), 0o600), os.WriteFile(log4j, logging, 0o600)); err != nil {
		return nil, err
	}
	b.java = func(args ...string) *exec.Cmd {
		args = append([]string{"-Xms256m", "-Xmx768m", "-XX:+UseSerialGC",
			"-Dlog4j2.configurationFile=" + log4j, "-Dkafka.logs.dir=" + dir, "-cp", filepath.Join(jars, "*")}, args...)
		cmd := exec.CommandContext(ctx, "java", args...) //nolint:gosec // ours
		// The broker gets a process group of its own. An interrupt from the terminal must not end it before its clients.
		cmd.SysProcAttr = DieWithParent()
		cmd.SysProcAttr.Setpgid = true
		return cmd
	}
	const cluster = "bW9uc3BsaXQtdGVzdHMtMQ" // sixteen bytes, base64
	format := append([]string{"kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", b.config()}, secured.scramUsers()...)
	if out, err := b.java(format...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format the broker's storage: %w\n%s", err, out)
	}
	return b, nil
}

func (b *Broker) config() string { return filepath.Join(b.dir, "server.properties") }

// Start starts the broker, for the first time or after Stop. It does not wait until the broker is ready.
func (b *Broker) Start() error {
	log, err := os.Create(filepath.Join(b.dir, "kafka.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	b.cmd, b.ended = b.java("kafka.Kafka", b.config()), make(chan struct{})
	b.cmd.Cancel = func() error { return nil } // Stop ends the broker, after its clients
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		return fmt.Errorf("start kafka: %w", err)
	}
	cmd, ended := b.cmd, b.ended
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return nil
}

// Ready waits until the broker hands out producer ids. That is the last function to become available after a start.
func (b *Broker) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := broker.New(broker.Config{Brokers: []string{b.Addr}, RequestTimeout: time.Second},
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
		case <-b.ended:
			return fmt.Errorf("kafka ended by itself:\n%s", b.tail())
		case <-ctx.Done():
			return fmt.Errorf("kafka is not ready: %w\n%s", err, b.tail())
		case <-tick.C:
		}
	}
}

// Stop ends the broker, which closes its logs in order. After timeout it is killed.
func (b *Broker) Stop(timeout time.Duration) {
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-b.ended:
	case <-time.After(timeout):
		_ = b.cmd.Process.Kill()
		<-b.ended
	}
}

// tail returns the end of the broker's log.
func (b *Broker) tail() string {
	log, err := os.ReadFile(filepath.Join(b.dir, "kafka.log"))
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-4000):])
}

// reservePorts returns n ports that nobody else takes as long as this process lives, because a broker can start again.
func reservePorts(n int) (ports []int, err error) {
	for range n {
		port, err := tcpport.Reserve("127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		ports = append(ports, port.Port)
	}
	return ports, nil
}
