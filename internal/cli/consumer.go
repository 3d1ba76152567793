package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

func (a App[C]) consumer() *cobra.Command {
	return group("consumer", "Show and change where the service reads in the topics of others",
		a.consumerStatus(), a.pauseConsumer(), a.resumeConsumer(), a.skipEvent(), a.resetConsumer())
}

func (a App[C]) consumerStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show the position in each partition, how far it is behind, and what is paused", Args: exactly(0),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			partitions, err := repairService(ops, m).Consumption(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), partitions)
			}
			return printConsumption(cmd.OutOrStdout(), partitions)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printConsumption(w io.Writer, partitions []repair.ConsumedPartition) error {
	if len(partitions) == 0 {
		_, err := fmt.Fprintln(w, "nothing was read yet")
		return err
	}
	rows := [][]string{{"TOPIC", "PARTITION", "POSITION", "BEHIND", "MOVED", "PAUSED"}}
	for _, p := range partitions {
		paused := "-"
		if p.Paused != nil {
			paused = fmt.Sprintf("%s since %s: %s", p.Paused.Code, p.Paused.Since.Format(time.RFC3339), p.Paused.Reason)
		}
		rows = append(rows, []string{p.Topic, fmt.Sprint(p.Partition), fmt.Sprint(p.Position), fmt.Sprint(p.Behind), p.MovedAt.Format(time.RFC3339), paused})
	}
	return table(w, rows...)
}

func (a App[C]) pauseConsumer() *cobra.Command {
	return a.switchConsumer("pause", "Stop reading a topic, or a partition of it, until \"consumer resume\"",
		"Running instances notice it with their next batch, or within some seconds. Nothing is lost: they go on where they were.", true, repair.Service.Pause)
}

func (a App[C]) resumeConsumer() *cobra.Command {
	return a.switchConsumer("resume", "Go on reading a topic, or a partition of it",
		"Use it after \"consumer pause\", and after the consumer has paused a partition because of many dead letters in a row. Instances\n"+
			"go on within some seconds. Dead letters are not replayed: \"dead-letters replay\".", false, repair.Service.Resume)
}

// switchConsumer returns a command that pauses or resumes partitions.
func (a App[C]) switchConsumer(name, short, long string, needsReason bool,
	do func(repair.Service, context.Context, audit.Operator, repair.Consuming) ([]consumer.PausedPartition, error),
) *cobra.Command {
	var (
		operator audit.Operator
		which    repair.Consuming
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: name + " --topic TOPIC", Short: short, Long: short + ".\n\n" + long, Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error {
			if which.Topic == "" {
				return errors.New("--topic is needed")
			}
			return checkOperator(operator, needsReason && !which.DryRun)
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			partitions, err := do(repairService(ops, m), cmd.Context(), operator, which)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), partitions)
			}
			return errors.Join(printSwitched(cmd.OutOrStdout(), name, partitions), printDryRun(cmd.OutOrStdout(), which.DryRun))
		}),
	}
	cmd.Flags().StringVar(&which.Topic, "topic", "", "the topic")
	cmd.Flags().IntVar(&which.Partition, "partition", consumer.AllPartitions, "the partition; all of them if it is left out")
	repairFlags(cmd, &operator, &which.DryRun, &asJSON)
	return cmd
}

func printSwitched(w io.Writer, name string, partitions []consumer.PausedPartition) error {
	if len(partitions) == 0 {
		_, err := fmt.Fprintf(w, "there is nothing to %s\n", name)
		return err
	}
	rows := [][]string{{"TOPIC", "PARTITION", "POSITION", "CODE", "REASON"}}
	for _, p := range partitions {
		rows = append(rows, []string{p.Topic, fmt.Sprint(p.Partition), fmt.Sprint(p.Position), string(p.Code), p.Reason})
	}
	return table(w, rows...)
}

func (a App[C]) skipEvent() *cobra.Command {
	var (
		operator audit.Operator
		tp       broker.TopicPartition
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "skip --topic TOPIC --partition P", Short: "Pass over the next event of a partition, and keep it as a dead letter", Args: exactly(0),
		Long: "Pass over the next event of a partition, for example one that is tried again and again. It is kept as an open dead letter,\n" +
			"which can be replayed when its cause is gone. \"consumer status\" and /readyz show the partition.",
		PreRunE: checked(func(*cobra.Command, []string) error {
			if tp.Topic == "" || tp.Partition < 0 {
				return errors.New("--topic and --partition are needed")
			}
			return checkOperator(operator, true)
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			letter, err := ops.Skip(cmd.Context(), m.Kafka, tp, operator)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), letter)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "skipped offset %d, key %s: it is now dead letter %d\n", letter.Offset, letter.Key, letter.ID)
			return err
		}),
	}
	cmd.Flags().StringVar(&tp.Topic, "topic", "", "the topic")
	cmd.Flags().IntVar(&tp.Partition, "partition", -1, "the partition")
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
