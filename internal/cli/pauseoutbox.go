package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

func (a App[C]) pauseOutbox() *cobra.Command {
	return a.switchOutbox("pause", "Stop publishing a topic, or all of them, until \"outbox resume\"",
		"Changes are still made, and their events wait in the outbox. Running instances notice it within some seconds. A batch that\n"+
			"is in flight then is still sent. \"outbox status\" and /readyz show what is paused.", true, repair.Service.PauseOutbox)
}

func (a App[C]) resumeOutbox() *cobra.Command {
	return a.switchOutbox("resume", "Go on publishing a topic, or all of them",
		"Instances go on within some seconds, where they were. Without --topic, every pause ends.", false, repair.Service.ResumeOutbox)
}

// switchOutbox returns a command that pauses or resumes publishing.
func (a App[C]) switchOutbox(name, short, long string, needsReason bool,
	do func(repair.Service, context.Context, audit.Operator, repair.Publishing) ([]outbox.PausedTopic, error),
) *cobra.Command {
	var (
		operator audit.Operator
		which    repair.Publishing
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: name, Short: short, Long: short + ".\n\n" + long, Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, needsReason && !which.DryRun) }),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			topics, err := do(repairService(ops, m), cmd.Context(), operator, which)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), topics)
			}
			return errors.Join(printPaused(cmd.OutOrStdout(), name, topics), printDryRun(cmd.OutOrStdout(), which.DryRun))
		}),
	}
	cmd.Flags().StringVar(&which.Topic, "topic", outbox.AllTopics, "the topic; all of them if it is left out")
	repairFlags(cmd, &operator, &which.DryRun, &asJSON)
	return cmd
}

func printPaused(w io.Writer, name string, topics []outbox.PausedTopic) error {
	if len(topics) == 0 {
		_, err := fmt.Fprintf(w, "there is nothing to %s\n", name)
		return err
	}
	return table(w, pauseRows(topics)...)
}

func pauseRows(topics []outbox.PausedTopic) [][]string {
	rows := [][]string{{"PAUSED TOPIC", "SINCE", "REASON"}}
	for _, t := range topics {
		topic := t.Topic
		if topic == outbox.AllTopics {
			topic = "(all)"
		}
		rows = append(rows, []string{topic, t.Since.Format(time.RFC3339), t.Reason})
	}
	return rows
}
