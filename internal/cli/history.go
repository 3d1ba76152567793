package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) history() *cobra.Command {
	return group("history", "Show and erase the history of the service's objects", a.historyList(), a.historyErase())
}

func (a App[C]) historyList() *cobra.Command {
	var (
		before int64
		limit  int
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list MODEL KEY", Short: "List the versions of an object, newest first: who, when and what", Args: exactly(2),
		Long: "List the versions of an object, newest first: who has made them, when, and which fields have changed. MODEL is for\n" +
			"example product, market or catalog-entry, and KEY is the key of the object's events.",
		PreRunE: checked(func(*cobra.Command, []string) error { return checkLimit(limit) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			if before == 0 {
				before = history.Newest
			}
			versions, err := history.NewReader(pool).List(cmd.Context(), history.Object{Model: args[0], Key: args[1]}, before, limit)
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(cmd.OutOrStdout(), versions)
			case len(versions) == 0:
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			return printVersions(cmd, versions)
		}),
	}
	cmd.Flags().Int64Var(&before, "before", 0, "only versions with a lower id, the number in the column ID")
	cmd.Flags().IntVar(&limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printVersions(cmd *cobra.Command, versions []history.Version) error {
	rows := [][]string{{"ID", "VERSION", "TIME", "WHO", "CAUSE", "WHAT", "FIELDS"}}
	for _, v := range versions {
		fields := make([]string, len(v.Fields))
		for i, f := range v.Fields {
			was, errWas := json.Marshal(f.Old)
			is, errIs := json.Marshal(f.New)
			if err := errors.Join(errWas, errIs); err != nil {
				return err
			}
			fields[i] = fmt.Sprintf("%s: %s → %s", f.Name, was, is)
		}
		rows = append(rows, []string{fmt.Sprint(v.ID), fmt.Sprint(v.Version), v.Time.Format(time.RFC3339), v.Actor.String(), v.Cause, v.Kind,
			strings.Join(fields, ", ")})
	}
	return table(cmd.OutOrStdout(), rows...)
}

func (a App[C]) historyErase() *cobra.Command {
	var (
		operator audit.Operator
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "erase MODEL KEY", Short: "Erase the history of an object, for example because a name was personal data", Args: exactly(2),
		Long: "Erase the history of an object, for example because a name was personal data. The object itself and its events stay. The\n" +
			"next change begins a new history. The audit keeps the model and the key.",
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, true) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			n, err := history.Erase(cmd.Context(), pool, operator, history.Object{Model: args[0], Key: args[1]})
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]int64{"versions": n})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "erased %d versions\n", n)
			return err
		}),
	}
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
