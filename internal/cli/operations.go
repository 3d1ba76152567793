package cli

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
)

// Operations is what the commands of operators need of a service. The service need not run. by is the person who runs a
// command, and reason is why.
type Operations struct {
	Pool *postgres.Pool
	// Replay and Discard are the methods of the service's consumer.Consumer.
	Replay  func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)
	Discard func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error)
	// Skip is the method of the service's consumer.Consumer.
	Skip func(ctx context.Context, kafka consumer.LogReader, tp broker.TopicPartition, by audit.Operator) (consumer.DeadLetter, error)
	// Models are the models that the service owns. A model comes after those that it refers to.
	Models []repair.Model
	// Verify compares the service's copies with the logs: consumer.Consumer.Verify.
	Verify func(ctx context.Context, kafka consumer.LogReader, o consumer.VerifyOptions) ([]consumer.Verified, error)
	Close  func()
}

// byCommand says in the context of a command that its changes are made by the command, and by its operator if it has one.
func byCommand(cmd *cobra.Command) {
	name := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if by := cmd.Flags().Lookup("by"); by != nil && by.Value.String() != "" {
		name = by.Value.String() + ": " + name
	}
	cmd.SetContext(caller.With(cmd.Context(), caller.Caller{Kind: caller.KindCommand, Name: name}))
}

// withOperations opens the service's operations for run.
func (a App[C]) withOperations(run func(*cobra.Command, []string, Operations) error) func(*cobra.Command, []string) error {
	return a.configured(config.DatabaseAlone, func(cmd *cobra.Command, args []string, cfg C, log *slog.Logger) error {
		byCommand(cmd)
		o, err := a.OpenOperations(cmd.Context(), cfg, log)
		if err != nil {
			return err
		}
		defer o.Close()
		return run(cmd, args, o)
	})
}

// Messaging is the service's end of the messages, for commands that look at the logs in Kafka.
type Messaging struct {
	Kafka     *broker.Client
	Publishes []string // the topics that the service owns
	Consumes  []string // the topics of other services that it reads
}

// withMessaging opens the service's operations and Kafka for run.
func (a App[C]) withMessaging(run func(*cobra.Command, Operations, Messaging) error) func(*cobra.Command, []string) error {
	return a.configured(config.Messaging, func(cmd *cobra.Command, _ []string, cfg C, log *slog.Logger) error {
		byCommand(cmd)
		o, err := a.OpenOperations(cmd.Context(), cfg, log)
		if err != nil {
			return err
		}
		defer o.Close()
		m, err := a.OpenMessaging(cfg, log)
		if err != nil {
			return err
		}
		defer m.Kafka.Close()
		return run(cmd, o, m)
	})
}
