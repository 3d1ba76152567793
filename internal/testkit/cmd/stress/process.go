package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/kafkaprocess"
)

// service is a process of a service.
type service struct {
	name, addr string
	database   string // the URL of its database
	log        string // the path of its log
	cmd        *exec.Cmd
	done       chan struct{} // closed when it has ended
}

// startService runs "NAME serve" with the default settings, except that strangers need an API token. It waits until it listens.
func startService(ctx context.Context, dir, name, database, broker string) (*service, error) {
	s := &service{name: name, database: database, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(dir, name), "serve")
	s.cmd.Env = []string{"DATABASE_URL=" + database, "KAFKA_BROKERS=" + broker, "HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=text",
		"KAFKA_REPLICATION_FACTOR=1", "KAFKA_MIN_INSYNC_REPLICAS=1", "SHUTDOWN_DELAY=0s", "SHUTDOWN_GRACE=5s",
		"ACCESS_PREFIXES=/", "ACCESS_NETWORKS=127.0.0.1," + attackerAddress}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = kafkaprocess.DieWithParent()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // its log has the reason
		close(s.done)
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.addr == "" {
		select {
		case <-tick.C:
			s.addr = listenAddress(s.log)
		case <-s.done:
			return nil, fmt.Errorf("%s ended early:\n%s", name, s.logTail())
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.stop(ctx))
		}
	}
	return s, nil
}

// listenAddress returns the address in the line that the HTTP server logs when it listens, or "".
func listenAddress(log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if _, rest, found := strings.Cut(line, "msg=listening addr="); found {
			return strings.Fields(rest)[0]
		}
	}
	return ""
}

func (s *service) url(path string) string { return "http://" + s.addr + path }

func (s *service) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end, and kills it if it does not.
func (s *service) stop(context.Context) error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-s.done:
		return nil
	case <-patience.C:
		_ = s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("%s did not stop and was killed", s.name)
	}
}

func (s *service) logTail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// forgetPeak makes the system measure the peak of the process's memory anew (proc(5), clear_refs).
func (s *service) forgetPeak() error {
	return os.WriteFile(s.proc("clear_refs"), []byte("5"), 0)
}

// peak returns the highest resident memory of the process since forgetPeak, in MiB.
func (s *service) peak() (float64, error) {
	text, err := os.ReadFile(s.proc("status"))
	if err != nil {
		return 0, err
	}
	return peakOf(string(text))
}

func (s *service) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), file)
}

func peakOf(status string) (float64, error) {
	for line := range strings.Lines(status) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the status of the process has no line VmHWM")
}
