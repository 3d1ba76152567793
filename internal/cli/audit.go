package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) audit() *cobra.Command {
	return group("audit", "Show what operators have changed with commands", a.auditList())
}

func (a App[C]) auditList() *cobra.Command {
	var (
		filter audit.Filter
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List what operators have changed, newest first: who, when and why", Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error { return checkLimit(filter.Limit) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			actions, err := audit.List(cmd.Context(), pool, filter)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), actions)
			}
			if len(actions) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			rows := [][]string{{"ID", "TIME", "BY", "COMMAND", "REASON", "DETAIL"}}
			for _, action := range actions {
				rows = append(rows, []string{fmt.Sprint(action.ID), action.At.Format(time.RFC3339), action.By, action.Command,
					strings.ReplaceAll(action.Reason, "\n", " "), string(action.Detail)})
			}
			return table(cmd.OutOrStdout(), rows...)
		}),
	}
	cmd.Flags().Int64Var(&filter.Before, "before", 0, "only records with a lower id")
	cmd.Flags().IntVar(&filter.Limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkOperator names the faults by the flags of operatorFlags.
func checkOperator(o audit.Operator, needsReason bool) error {
	faults := o.Faults(needsReason)
	for i, fault := range faults {
		faults[i] = fmt.Errorf("--%w", fault)
	}
	return errors.Join(faults...)
}

// operatorFlags adds the flags that say who runs a command, and why.
func operatorFlags(cmd *cobra.Command, o *audit.Operator) {
	cmd.Flags().StringVar(&o.By, "by", currentUser(), "who does it; this is recorded")
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why; this is recorded")
}
