package cli

import (
	"fmt"
	"io"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) deadLetters() *cobra.Command {
	return group("dead-letters", "List, show, replay and discard events that could not be applied",
		a.listDeadLetters(), a.showDeadLetter(), a.replayDeadLetter(), a.discardDeadLetter())
}

func (a App[C]) listDeadLetters() *cobra.Command {
	var (
		filter consumer.DeadLetterFilter
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List dead letters, open ones by default", Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error {
			states := []string{consumer.Open, consumer.Replayed, consumer.Superseded, consumer.Discarded, "all"}
			if !slices.Contains(states, filter.State) {
				return fmt.Errorf("--state %s: it must be one of %s", filter.State, strings.Join(states, ", "))
			}
			return checkLimit(filter.Limit)
		}),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			if filter.State == "all" {
				filter.State = ""
			}
			letters, err := consumer.ListDeadLetters(cmd.Context(), pool, filter)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), letters)
			}
			if len(letters) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			rows := [][]string{{"ID", "STATE", "TOPIC", "KEY", "VERSION", "TRIES", "SINCE", "REASON"}}
			for _, l := range letters {
				rows = append(rows, []string{fmt.Sprint(l.ID), l.State, l.Topic, l.Key, versionOf(l), fmt.Sprint(l.Attempts),
					l.CreatedAt.UTC().Format(time.RFC3339), l.Reason})
			}
			return table(cmd.OutOrStdout(), rows...)
		}),
	}
	cmd.Flags().StringVar(&filter.State, "state", consumer.Open, "open, replayed, superseded, discarded or all")
	letterFlags(cmd, &filter)
	cmd.Flags().Int64Var(&filter.After, "after", 0, "only dead letters with a greater id")
	cmd.Flags().IntVar(&filter.Limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) showDeadLetter() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID", Short: "Show a dead letter with its message", Args: letterID,
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			letter, err := consumer.ShowDeadLetter(cmd.Context(), pool, idOf(args))
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), letter)
			}
			return printLetter(cmd.OutOrStdout(), letter)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// letterID accepts one argument, the id of a dead letter.
func letterID(cmd *cobra.Command, args []string) error {
	if err := exactly(1)(cmd, args); err != nil {
		return err
	}
	if idOf(args) < 1 {
		return &usageError{fmt.Errorf("%q is not the id of a dead letter", args[0]), cmd.CommandPath()}
	}
	return nil
}

// idOf returns the id in the first argument, or 0 if it is not a number. letterID and tokenID refuse 0.
func idOf(args []string) int64 {
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func printLetter(w io.Writer, l consumer.DeadLetterDetail) error {
	rows := [][]string{
		{"id", fmt.Sprint(l.ID)}, {"state", l.State + noteOf(l.DeadLetter)},
		{"message", fmt.Sprintf("%s, partition %d, offset %d", l.Topic, l.Partition, l.Offset)},
		{"key", l.Key}, {"version", versionOf(l.DeadLetter)}, {"code", l.Code}, {"reason", l.Reason},
		{"tries", fmt.Sprint(l.Attempts)}, {"since", l.CreatedAt.UTC().Format(time.RFC3339)},
	}
	for _, h := range l.Headers {
		rows = append(rows, []string{"header " + h.Key, h.Value})
	}
	if err := table(w, rows...); err != nil {
		return err
	}
	value := "(null: a purge)"
	if l.Value != nil {
		value = *l.Value
	}
	_, err := fmt.Fprintf(w, "\n%s\n", value)
	return err
}

func versionOf(l consumer.DeadLetter) string {
	if l.Version == nil {
		return "-"
	}
	return fmt.Sprint(*l.Version)
}

func noteOf(l consumer.DeadLetter) string {
	if l.Note == nil || *l.Note == "" {
		return ""
	}
	return " (" + *l.Note + ")"
}

func currentUser() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
