package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// errStillOpen makes the exit code 1 after the results were printed.
var errStillOpen = errors.New("some dead letters are still open")

func (a App[C]) replayDeadLetter() *cobra.Command {
	return a.closeLetters("replay", "Apply dead letters again, after their cause has been fixed", "",
		func(o Operations) closeLetter { return o.Replay })
}

func (a App[C]) discardDeadLetter() *cobra.Command {
	return a.closeLetters("discard", "Close dead letters without applying them; the records are kept",
		"The copies miss what they say, until a newer event of the same aggregate arrives.\n\n", func(o Operations) closeLetter { return o.Discard })
}

type closeLetter = func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)

// closeLetters returns a command that closes one dead letter, or all that match.
func (a App[C]) closeLetters(name, short, more string, closer func(Operations) closeLetter) *cobra.Command {
	c := &closing{}
	cmd := &cobra.Command{
		Use: name + " ID | --topic TOPIC | --code CODE | --since TIME | --all", Short: short,
		Long: short + ".\n\n" + more + "Give the id of one, or select them: flags that are given together must all match. Each is closed by itself, the oldest\n" +
			"first. One that cannot be closed stays open; the exit code is then 1. After an interruption, run the command again.\n\n" +
			"With --json, each line is the result of one dead letter, as a JSON object.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return letterID(cmd, args)
		},
		PreRunE: checked(c.check),
		RunE: a.withOperations(func(cmd *cobra.Command, args []string, o Operations) error {
			c.bulk.Close = func(ctx context.Context, id int64) (consumer.DeadLetter, error) {
				return closer(o)(ctx, id, c.operator.By, c.operator.Reason)
			}
			if len(args) == 1 {
				return c.one(cmd, idOf(args))
			}
			return c.many(cmd, o)
		}),
	}
	cmd.Flags().BoolVar(&c.all, "all", false, "all open ones")
	letterFlags(cmd, &c.bulk.Filter)
	repairFlags(cmd, &c.operator, &c.bulk.DryRun, &c.asJSON)
	return cmd
}

// closing is a run of a command that closes dead letters.
type closing struct {
	operator    audit.Operator
	bulk        consumer.Bulk
	all, asJSON bool
}

func (c *closing) check(_ *cobra.Command, args []string) error {
	f := c.bulk.Filter
	selected := f.Topic != "" || f.Code != "" || f.Key != "" || !f.Since.IsZero()
	switch {
	case len(args) == 1 && (selected || c.all || c.bulk.DryRun):
		return errors.New("--topic, --code, --key, --since, --all and --dry-run are for many dead letters, without an id")
	case len(args) == 0 && selected == c.all:
		return errors.New("give the id of a dead letter, or select some with --topic, --code, --key or --since, or all of them with --all")
	}
	return checkOperator(c.operator, false)
}

func (c *closing) one(cmd *cobra.Command, id int64) error {
	letter, err := c.bulk.Close(cmd.Context(), id)
	if err != nil {
		return err
	}
	if c.asJSON {
		return printJSON(cmd.OutOrStdout(), letter)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "dead letter %d: %s%s\n", letter.ID, letter.State, noteOf(letter))
	return err
}

func (c *closing) many(cmd *cobra.Command, o Operations) error {
	show, done, failed := newProgress(cmd.ErrOrStderr(), "dead letters"), 0, 0
	c.bulk.Progress = show.report
	c.bulk.Done = func(r consumer.BulkResult) error {
		done++
		if r.Failed {
			failed++
		}
		show.end()
		return printResult(cmd.OutOrStdout(), r, c.asJSON)
	}
	err := c.bulk.Run(cmd.Context(), o.Pool)
	show.end()
	switch {
	case err != nil:
		return err
	case failed > 0:
		return fmt.Errorf("%w: %d of %d", errStillOpen, failed, done)
	case c.asJSON:
		return nil
	case done == 0:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "there are none")
	}
	return errors.Join(err, printDryRun(cmd.OutOrStdout(), c.bulk.DryRun))
}

func printResult(w io.Writer, r consumer.BulkResult, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	detail := ""
	if r.Detail != "" {
		detail = " (" + r.Detail + ")"
	}
	_, err := fmt.Fprintf(w, "dead letter %d: %s%s\n", r.ID, r.State, detail)
	return err
}

// letterFlags adds the flags that select dead letters.
func letterFlags(cmd *cobra.Command, f *consumer.DeadLetterFilter) {
	cmd.Flags().StringVar(&f.Topic, "topic", "", "only this topic")
	cmd.Flags().StringVar(&f.Code, "code", "", "only this class of failures, as dead-letters show has it")
	cmd.Flags().StringVar(&f.Key, "key", "", "only events with this key")
	cmd.Flags().Var((*since)(&f.Since), "since", "only those that were stored since then: a time as in 2026-03-01T10:00:00Z, or a duration before now, as in 2h")
}

// since is a time, given as it is or as a duration before now.
type since time.Time

func (s *since) String() string {
	if time.Time(*s).IsZero() {
		return ""
	}
	return time.Time(*s).Format(time.RFC3339)
}

func (s *since) Type() string { return "time" }

func (s *since) Set(text string) error {
	if before, err := time.ParseDuration(text); err == nil && before > 0 {
		*s = since(time.Now().Add(-before))
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("it must be a time as in 2026-03-01T10:00:00Z, or a duration before now, as in 2h")
	}
	*s = since(t)
	return nil
}
