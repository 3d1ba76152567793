package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

func (a App[C]) outboxReassert() *cobra.Command {
	var (
		operator audit.Operator
		options  repair.ReassertOptions
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "reassert --lost recover|delete", Short: "Publish the state again with higher versions, after this database has lost commits", Args: exactly(0),
		Long: "Make this database the truth again after it has lost commits, for example because it came back from a backup. The topics\n" +
			"then have events that it does not know, and publishing is halted. Each aggregate gets a version past those in its topic,\n" +
			"and is published again. So all copies take the state of this database. Lost changes of aggregates that the database\n" +
			"still has stay lost.\n\n" +
			"Aggregates that only the topic has are rebuilt from it, or deleted: choose with --lost. Ids that no event has cannot be\n" +
			"rebuilt, such as the integer id of a product: a rebuilt product gets a new one.\n\n" +
			"Never use it for a copy of a database while the original is in use. The service may run meanwhile. After an\n" +
			"interruption, run the command again.\n\n" +
			"With --json, each line is a JSON object: one for each lost aggregate, then one for each topic.",
		PreRunE: checked(func(*cobra.Command, []string) error {
			var faults []error
			if options.Lost != repair.Recover && options.Lost != repair.Delete {
				faults = append(faults, errors.New("--lost has to be recover (rebuild what only the topic has) or delete (delete it everywhere)"))
			}
			if options.Rate < 0 {
				faults = append(faults, errors.New("--rate must be 0 or more"))
			}
			return errors.Join(append(faults, checkOperator(operator, !options.DryRun))...)
		}),
		RunE: a.withMessaging(func(cmd *cobra.Command, ops Operations, m Messaging) error {
			show := newProgress(cmd.ErrOrStderr(), "reassert")
			options.Progress = show.report
			options.Found = func(l repair.LostAggregate) error {
				show.end()
				return printLost(cmd.OutOrStdout(), l, asJSON)
			}
			results, err := repairService(ops, m).Reassert(cmd.Context(), operator, ops.Models, options)
			show.end()
			return errors.Join(err, printReasserted(cmd.OutOrStdout(), results, options.DryRun, asJSON))
		}),
	}
	cmd.Flags().StringVar((*string)(&options.Lost), "lost", "", "what becomes of aggregates that only the topic has: recover or delete")
	cmd.Flags().IntVar(&options.Rate, "rate", 1000, "maximum number of aggregates in a second; 0 is without limit")
	repairFlags(cmd, &operator, &options.DryRun, &asJSON)
	return cmd
}

func printLost(w io.Writer, l repair.LostAggregate, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(l)
	}
	text := fmt.Sprintf("%s %s, version %d: %s", l.Topic, l.Key, l.Version, l.Result)
	if l.Reason != "" {
		text += ": " + l.Reason
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

func printReasserted(w io.Writer, results []repair.Reasserted, dryRun, asJSON bool) error {
	rows := [][]string{{"TOPIC", "RAISED", "ONLY HERE", "RECOVERED", "DELETED", "NOT REBUILT", "UNREADABLE", "NUMBERS"}}
	for _, r := range results {
		rows = append(rows, []string{r.Topic, fmt.Sprint(r.Raised), fmt.Sprint(r.Appended), fmt.Sprint(r.Recovered), fmt.Sprint(r.Deleted),
			fmt.Sprint(r.NotRebuilt), fmt.Sprint(r.Unreadable), fmt.Sprint(r.Numbers)})
		if asJSON {
			if err := json.NewEncoder(w).Encode(r); err != nil {
				return err
			}
		}
	}
	if asJSON || len(results) == 0 {
		return nil
	}
	return errors.Join(table(w, rows...), printDryRun(w, dryRun))
}
