package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) outboxRetry() *cobra.Command {
	var (
		operator audit.Operator
		refused  repair.Refused
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "retry", Short: "Try events again now that Kafka has refused", Args: exactly(0),
		Long: "Try events again now that Kafka has refused. The relay also does this by itself, but waits longer after each refusal.\n" +
			"\"outbox status\" shows whether they are refused again.",
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, false) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			aggregates, err := repair.RetryRefused(cmd.Context(), pool, operator, refused)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), aggregates)
			}
			if len(aggregates) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "no event is refused")
				return err
			}
			rows := [][]string{{"TOPIC", "KEY", "TRIES SO FAR", "ERROR"}}
			for _, b := range aggregates {
				rows = append(rows, []string{b.Topic, b.Key, fmt.Sprint(b.Attempts), b.LastError})
			}
			return errors.Join(table(cmd.OutOrStdout(), rows...), printDryRun(cmd.OutOrStdout(), refused.DryRun))
		}),
	}
	cmd.Flags().StringVar(&refused.Topic, "topic", "", "only this topic")
	cmd.Flags().StringVar(&refused.Key, "key", "", "only the aggregate with this key")
	repairFlags(cmd, &operator, &refused.DryRun, &asJSON)
	return cmd
}

func (a App[C]) outboxDiscard() *cobra.Command {
	var (
		operator audit.Operator
		refused  repair.Refused
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "discard --topic TOPIC --key KEY", Short: "Never publish the event of an aggregate that Kafka refuses", Args: exactly(0),
		Long: "Never publish the event of an aggregate that Kafka refuses. Later events of the aggregate go on. The other services miss\n" +
			"one version, and take the next one. Until then their copies are old.",
		PreRunE: checked(func(*cobra.Command, []string) error {
			if refused.Topic == "" || refused.Key == "" {
				return errors.New("--topic and --key are needed; outbox status shows them")
			}
			return checkOperator(operator, !refused.DryRun)
		}),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			e, err := repair.DiscardRefused(cmd.Context(), pool, operator, refused)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), e)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "discarded: %s of %s, version %d, from %s\n", e.Type, e.Key, e.Version, e.Time.Format(time.RFC3339))
			return errors.Join(err, printDryRun(cmd.OutOrStdout(), refused.DryRun))
		}),
	}
	cmd.Flags().StringVar(&refused.Topic, "topic", "", "the topic")
	cmd.Flags().StringVar(&refused.Key, "key", "", "the key of the aggregate")
	repairFlags(cmd, &operator, &refused.DryRun, &asJSON)
	return cmd
}
