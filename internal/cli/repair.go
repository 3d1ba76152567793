package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

func repairService(o Operations, m Messaging) repair.Service {
	return repair.Service{Pool: o.Pool, Kafka: m.Kafka, Publishes: m.Publishes, Consumes: m.Consumes}
}

func (a App[C]) resetConsumer() *cobra.Command {
	var (
		o        repair.ResetOptions
		operator audit.Operator
		to       string
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "reset --topic TOPIC --to start|end|OFFSET", Short: "Read on in a topic from another place", Args: exactly(0),
		Long: "Read on in a topic from another place. The rows of the copy stay as they are, so events that were applied before\n" +
			"change nothing. Events that are passed over are never applied. The service may run meanwhile.",
		PreRunE: checked(func(*cobra.Command, []string) (err error) {
			if o.Topic == "" || to == "" {
				return errors.New("--topic and --to are needed")
			}
			o.To, err = consumer.ParsePlace(to)
			return errors.Join(err, checkOperator(operator, !o.DryRun))
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			changes, err := repairService(ops, m).Reset(cmd.Context(), operator, o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), changes)
			}
			return errors.Join(printPositions(cmd.OutOrStdout(), changes), printDryRun(cmd.OutOrStdout(), o.DryRun))
		}),
	}
	cmd.Flags().StringVar(&o.Topic, "topic", "", "the topic")
	cmd.Flags().IntVar(&o.Partition, "partition", consumer.AllPartitions, "the partition; all of them if it is left out")
	cmd.Flags().StringVar(&to, "to", "", "start, end, or the offset of the next event to apply")
	repairFlags(cmd, &operator, &o.DryRun, &asJSON)
	return cmd
}

func (a App[C]) adopt() *cobra.Command {
	var (
		o         repair.AdoptOptions
		operator  audit.Operator
		positions string
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use: "adopt --positions start|end", Short: "Go on with a topic that was created again, or with another Kafka cluster", Args: exactly(0),
		Long: "Go on with a topic that was created again or has lost its end, or with another Kafka cluster. Topics that are the same as\n" +
			"before stay as they are. Afterwards publish again what the others have lost: \"outbox republish\".\n\n" +
			"Do not use it for a copy of a database while the original is in use: both would publish to the same topics, and share\n" +
			"one consumer group. A copy needs another KAFKA_PREFIX or another cluster.",
		PreRunE: checked(func(*cobra.Command, []string) (err error) {
			if positions != "start" && positions != "end" {
				return errors.New("--positions has to be start (apply what is in the topics now) or end (pass over it)")
			}
			o.Positions, err = consumer.ParsePlace(positions)
			return errors.Join(err, checkOperator(operator, !o.DryRun))
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			adopted, err := repairService(ops, m).Adopt(cmd.Context(), operator, o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), adopted)
			}
			return printAdopted(cmd.OutOrStdout(), adopted, o.DryRun)
		}),
	}
	cmd.Flags().StringVar(&positions, "positions", "", "where to read on in topics of others that are other ones than before: start or end")
	cmd.Flags().BoolVar(&o.UnknownEvents, "accept-unknown-events", false, "also accept events in the service's own topics that its database\n"+
		"does not know. Never use it for a database that lost commits: it would give out their versions again")
	repairFlags(cmd, &operator, &o.DryRun, &asJSON)
	return cmd
}

// repairFlags adds the flags that all commands have which repair something.
func repairFlags(cmd *cobra.Command, operator *audit.Operator, dryRun, asJSON *bool) {
	operatorFlags(cmd, operator)
	cmd.Flags().BoolVar(dryRun, "dry-run", false, "print what would be changed, and change nothing")
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

func printPositions(w io.Writer, changes []consumer.PositionChange) error {
	rows := [][]string{{"TOPIC", "PARTITION", "FROM", "TO", "TOPIC ID"}}
	for _, c := range changes {
		from := "-"
		if c.From != nil {
			from = fmt.Sprint(*c.From)
		}
		id := cmp.Or(c.ToTopic, "-")
		if c.FromTopic != "" && c.FromTopic != c.ToTopic {
			id = c.FromTopic + " to " + id
		}
		rows = append(rows, []string{c.Topic, fmt.Sprint(c.Partition), from, fmt.Sprint(c.To), id})
	}
	return table(w, rows...)
}

func printAdopted(w io.Writer, a repair.Adopted, dryRun bool) error {
	fmt.Fprintf(w, "cluster %s\n", a.ClusterID)
	if len(a.Consumes)+len(a.Publishes) == 0 {
		fmt.Fprintln(w, "\nAll topics are the same as before. The relay begins again.")
	}
	if len(a.Consumes) > 0 {
		fmt.Fprintln(w)
		if err := printPositions(w, a.Consumes); err != nil {
			return err
		}
	}
	if len(a.Publishes) > 0 {
		if err := printLogs(w, a.Publishes, dryRun); err != nil {
			return err
		}
	}
	return printDryRun(w, dryRun)
}

func printLogs(w io.Writer, logs []outbox.AdoptedLog, dryRun bool) error {
	var topics []string
	rows := [][]string{{"PUBLISHES", "SHARD", "COMPARED FROM"}}
	for _, l := range logs {
		topics = append(topics, l.Topic)
		rows = append(rows, []string{l.Topic, fmt.Sprint(l.Shard), fmt.Sprint(l.From)})
	}
	fmt.Fprintln(w)
	if err := table(w, rows...); err != nil || dryRun {
		return err
	}
	slices.Sort(topics)
	fmt.Fprintln(w)
	for _, topic := range slices.Compact(topics) {
		fmt.Fprintf(w, "If %s has lost events, publish them again: outbox republish --topic %[1]s\n", topic)
	}
	return nil
}

func printDryRun(w io.Writer, dryRun bool) error {
	if !dryRun {
		return nil
	}
	_, err := fmt.Fprintln(w, "\nThis was a dry run. Nothing is changed.")
	return err
}
