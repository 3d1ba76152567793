package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

func (a App[C]) outboxRepublish() *cobra.Command {
	var (
		operator audit.Operator
		options  repair.RepublishOptions
		topic    string
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "republish", Short: "Publish the current state of every aggregate again, after a topic was lost", Args: exactly(0),
		Long: "Publish the current state of every aggregate again, deleted ones too, as an event of its current version. It is for a\n" +
			"topic that was lost: accept the new topic with \"adopt\" first. The command only fills the outbox, so the service has to\n" +
			"run, and it may be used meanwhile. After an interruption, run the command again.",
		PreRunE: checked(func(*cobra.Command, []string) error {
			if options.Rate < 0 {
				return errors.New("--rate must be 0 or more")
			}
			return checkOperator(operator, !options.DryRun)
		}),
		RunE: a.withOperations(func(cmd *cobra.Command, _ []string, o Operations) error {
			models, err := modelsOf(o.Models, topic)
			if err != nil {
				return &usageError{err, cmd.CommandPath()}
			}
			show := newProgress(cmd.ErrOrStderr(), "republish")
			options.Progress = show.report
			results, err := repair.Republish(cmd.Context(), o.Pool, models, operator, options)
			show.end()
			return errors.Join(err, printRepublished(cmd, results, options.DryRun, asJSON))
		}),
	}
	cmd.Flags().StringVar(&topic, "topic", "", "only this topic")
	cmd.Flags().IntVar(&options.Rate, "rate", 1000, "maximum number of aggregates in a second; 0 is without limit")
	repairFlags(cmd, &operator, &options.DryRun, &asJSON)
	return cmd
}

func printRepublished(cmd *cobra.Command, results []repair.Republished, dryRun, asJSON bool) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), results)
	}
	verb := "appended"
	if dryRun {
		verb = "to append"
	}
	for _, r := range results {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %d aggregates, %d events %s, %d are pending already\n",
			r.Topic, r.Aggregates, r.Appended, verb, r.Pending); err != nil {
			return err
		}
	}
	return nil
}

// modelsOf returns the model of the topic, or all models if topic is empty.
func modelsOf(models []repair.Model, topic string) ([]repair.Model, error) {
	if topic == "" {
		return models, nil
	}
	chosen := slices.DeleteFunc(slices.Clone(models), func(m repair.Model) bool { return m.Topic != topic })
	if len(chosen) > 0 {
		return chosen, nil
	}
	var names []string
	for _, m := range models {
		names = append(names, m.Topic)
	}
	return nil, fmt.Errorf("--topic %s: it must be %s", topic, strings.Join(names, " or "))
}
