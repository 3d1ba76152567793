package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
)

// Messaging is the service's end of the messages, for commands that look at the logs in Kafka.
type Messaging struct {
	Kafka     *broker.Client
	Publishes []string // the topics that the service owns
	Consumes  []string // the topics of other services that it reads
}

func (a App[C]) consumer() *cobra.Command {
	return group("consumer", "Set where the service reads on in the topics of others", a.resetConsumer())
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
			return errors.Join(err, operator.Check(!o.DryRun))
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, s repair.Service) error {
			changes, err := s.Reset(cmd.Context(), operator, o)
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
		Long: "Go on with a topic that was created again, or with another Kafka cluster. The service accepts what is there now, and no\n" +
			"longer compares it with its database. Afterwards publish again what the topics have lost: \"outbox republish\".\n\n" +
			"Do not use it for a copy of a database while the original is in use: both would publish to the same topics, and share\n" +
			"one consumer group. A copy needs another KAFKA_PREFIX or another cluster.",
		PreRunE: checked(func(*cobra.Command, []string) (err error) {
			if positions != "start" && positions != "end" {
				return errors.New("--positions has to be start (apply what is in the topics now) or end (pass over it)")
			}
			o.Positions, err = consumer.ParsePlace(positions)
			return errors.Join(err, operator.Check(!o.DryRun))
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, s repair.Service) error {
			adopted, err := s.Adopt(cmd.Context(), operator, o)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), adopted)
			}
			return printAdopted(cmd.OutOrStdout(), adopted, o.DryRun)
		}),
	}
	cmd.Flags().StringVar(&positions, "positions", "", "where to read on in the topics of others: start or end")
	repairFlags(cmd, &operator, &o.DryRun, &asJSON)
	return cmd
}

// repairFlags adds the flags that all commands have which repair something.
func repairFlags(cmd *cobra.Command, operator *audit.Operator, dryRun, asJSON *bool) {
	operatorFlags(cmd, operator)
	cmd.Flags().BoolVar(dryRun, "dry-run", false, "print what would be changed, and change nothing")
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// withMessaging opens the service's database and Kafka for run.
func (a App[C]) withMessaging(run func(*cobra.Command, repair.Service) error) func(*cobra.Command, []string) error {
	return a.configured(config.Messaging, func(cmd *cobra.Command, _ []string, cfg C, log *slog.Logger) error {
		pool, err := postgres.Open(cmd.Context(), postgres.Config{URL: cfg.CommonPart().Database.URL, Application: a.Name + " " + cmd.Name()})
		if err != nil {
			return err
		}
		defer pool.Close()
		m, err := a.OpenMessaging(cfg, log)
		if err != nil {
			return err
		}
		defer m.Kafka.Close()
		return run(cmd, repair.Service{Pool: pool, Kafka: m.Kafka, Publishes: m.Publishes, Consumes: m.Consumes})
	})
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
	fmt.Fprintf(w, "cluster %s\n\n", a.ClusterID)
	if err := printPositions(w, a.Consumes); err != nil {
		return err
	}
	var topics []string
	rows := [][]string{{"PUBLISHES", "SHARD", "COMPARED FROM"}}
	for _, l := range a.Publishes {
		topics = append(topics, l.Topic)
		rows = append(rows, []string{l.Topic, fmt.Sprint(l.Shard), fmt.Sprint(l.From)})
	}
	fmt.Fprintln(w)
	if err := table(w, rows...); err != nil {
		return err
	}
	if !dryRun {
		fmt.Fprintln(w)
		for _, topic := range slices.Compact(topics) {
			fmt.Fprintf(w, "If %s has lost events, publish them again: outbox republish --topic %[1]s\n", topic)
		}
	}
	return printDryRun(w, dryRun)
}

func printDryRun(w io.Writer, dryRun bool) error {
	if !dryRun {
		return nil
	}
	_, err := fmt.Fprintln(w, "\nThis was a dry run. Nothing is changed.")
	return err
}
