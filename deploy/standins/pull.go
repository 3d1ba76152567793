package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// answerTimeout limits the wait for the registry's first answer. The engine itself waits far longer.
	answerTimeout = 10 * time.Second
	// progressTimeout limits the wait for the next line. Docker prints one when a layer is complete.
	progressTimeout = 2 * time.Minute
)

func (d docker) pull(ctx context.Context, image string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer := time.AfterFunc(answerTimeout, func() { cancel(errUnreachable) })
	defer answer.Stop()
	progress := time.AfterFunc(progressTimeout, func() {
		cancel(fmt.Errorf("the registry sent no layer within %s", progressTimeout))
	})
	defer progress.Stop()
	var out bytes.Buffer
	err := d.stream(ctx, nil, writerFunc(func(line []byte) (int, error) {
		answer.Stop()
		progress.Reset(progressTimeout)
		return out.Write(line)
	}), "pull", image)
	if err != nil && ctx.Err() == nil {
		err = pullError(out.String())
	}
	return err
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// pullError finds the reason of a failure in the output of docker pull.
func pullError(output string) error {
	reason := strings.TrimPrefix(tail(output, 1), "Error response from daemon: ")
	text := strings.ToLower(reason)
	contains := func(signs ...string) bool {
		for _, sign := range signs {
			if strings.Contains(text, sign) {
				return true
			}
		}
		return false
	}
	switch {
	case contains("manifest unknown", "not found", "repository does not exist"):
		return errNoSuchImage
	case contains("no such host", "connection refused", "no route to host", "network is unreachable", "timeout",
		"server misbehaving", "request canceled", "deadline exceeded", "connection reset", "proxyconnect", "temporary failure"):
		return fmt.Errorf("%w (%s)", errUnreachable, reason)
	}
	return errors.New(reason)
}
