package lifecycle_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/lifecycle"
)

// roleVariable turns the test binary into a process that is slow to stop.
const roleVariable = "LIFECYCLE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	ctx, cancel := lifecycle.OnSignal(context.Background())
	defer cancel()
	fmt.Println("running")
	<-ctx.Done()
	fmt.Println("stopping")
	<-time.After(time.Minute)
}

// The first signal begins the stop. The second signal ends the process at once, even if work is unfinished.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sent.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), roleVariable+"=1")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for _, want := range []string{"running", "stopping"} {
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("said %q, want %q", lines.Text(), want)
				}
				if err := cmd.Process.Signal(sent); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(sent) {
				t.Errorf("ended with %v", err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
