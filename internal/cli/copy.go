package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
)

// errDifferences makes the exit code 1 after differences were printed.
var errDifferences = errors.New("the copies differ from the logs")

func (a App[C]) copies() *cobra.Command {
	return group("copy", "Compare the local copies with the logs in Kafka", a.verifyCopies(), a.listConflicts())
}

func (a App[C]) listConflicts() *cobra.Command {
	var (
		filter consumer.ConflictFilter
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "conflicts", Short: "List the copies that differ from the last event of their version", Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error {
			if filter.After != "" && filter.Topic == "" {
				return errors.New("--after needs --topic")
			}
			return checkLimit(filter.Limit)
		}),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			conflicts, err := consumer.Conflicts(cmd.Context(), pool, filter)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), conflicts)
			}
			if len(conflicts) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			rows := [][]string{{"TOPIC", "KEY", "VERSION", "SINCE"}}
			for _, c := range conflicts {
				rows = append(rows, []string{c.Topic, c.Key, fmt.Sprint(c.Version), c.SeenAt.Format(time.RFC3339)})
			}
			return table(cmd.OutOrStdout(), rows...)
		}),
	}
	cmd.Flags().StringVar(&filter.Topic, "topic", "", "only this topic")
	cmd.Flags().StringVar(&filter.After, "after", "", "only keys of the topic that come after this one")
	cmd.Flags().IntVar(&filter.Limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) verifyCopies() *cobra.Command {
	var (
		options consumer.VerifyOptions
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare the local copies with the logs, row by row; the exit code is 1 if they differ", Args: exactly(0),
		Long: "Compare the local copies of other services' data with the logs, row by row. The exit code is 1 if they differ. The command\n" +
			"changes nothing, and the service may run meanwhile. Rows with events that the service has not read yet are not compared.\n" +
			"The command builds each copy again in temporary tables of the database, so it needs space there.\n\n" +
			"With --json, each line is a JSON object: one for each difference, then one for each copy, with the number of its rows.",
		RunE: a.withMessaging(func(cmd *cobra.Command, o Operations, m Messaging) error {
			show := newProgress(cmd.ErrOrStderr(), "records")
			options.Progress = show.report
			options.Found = func(d consumer.Difference) error {
				show.end()
				return printDifference(cmd.OutOrStdout(), d, asJSON)
			}
			results, err := o.Verify(cmd.Context(), m.Kafka, options)
			show.end()
			if err != nil {
				return err
			}
			return printVerified(cmd.OutOrStdout(), results, asJSON)
		}),
	}
	cmd.Flags().StringVar(&options.Topic, "topic", "", "only the copy that is filled from this topic")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object in each line")
	return cmd
}

func printDifference(w io.Writer, d consumer.Difference, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(d)
	}
	var text string
	switch {
	case d.Copy == nil:
		text = "the copy has no row"
	case d.Log == nil:
		text = "the log has no event"
	default:
		var columns []string
		for _, column := range slices.Sorted(maps.Keys(d.Copy)) {
			if log, have := d.Log[column], d.Copy[column]; !reflect.DeepEqual(log, have) {
				columns = append(columns, fmt.Sprintf("%s is %s instead of %s", column, value(have), value(log)))
			}
		}
		text = strings.Join(columns, ", ")
	}
	if d.DeadLetter != nil {
		text += fmt.Sprintf(" (see dead letter %d)", *d.DeadLetter)
	}
	_, err := fmt.Fprintf(w, "%s %s: %s\n", d.Topic, d.Key, text)
	return err
}

// value returns a column's value as JSON.
func value(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func printVerified(w io.Writer, results []consumer.Verified, asJSON bool) error {
	differ := false
	rows := [][]string{{"TOPIC", "ROWS", "DIFFERENCES", "NOT READ YET", "UNREADABLE EVENTS"}}
	for _, r := range results {
		differ = differ || r.Differences > 0
		rows = append(rows, []string{r.Topic, fmt.Sprint(r.Rows), fmt.Sprint(r.Differences), fmt.Sprint(r.NotRead), fmt.Sprint(r.Unreadable)})
		if asJSON {
			if err := json.NewEncoder(w).Encode(r); err != nil {
				return err
			}
		}
	}
	if !asJSON {
		if err := table(w, rows...); err != nil {
			return err
		}
	}
	if differ {
		return errDifferences
	}
	return nil
}
