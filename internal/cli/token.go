package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) token() *cobra.Command {
	return group("token", "Create, list and revoke API tokens", a.tokenCreate(), a.tokenList(), a.tokenRevoke())
}

// defaultLife is how long a token is valid if the operator does not say it.
const defaultLife = "2160h"

func (a App[C]) tokenCreate() *cobra.Command {
	var (
		operator audit.Operator
		draft    access.Draft
		scopes   []string
		life     expiry
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "create --name NAME", Short: "Create an API token, and print its secret once", Args: exactly(0),
		Long: "Create an API token, and print its secret once. Nobody can read the secret again: give it to the client at once. The token\n" +
			"works in all instances of this service, and in no other service. ACCESS_PREFIXES says which paths need one.\n\n" +
			"To replace a token, create another one with the same name, and revoke the first one when its client has the second one.\n" +
			"Tokens with the same name are the same caller, also for idempotency keys.",
		PreRunE: checked(func(*cobra.Command, []string) (err error) {
			now := time.Now()
			draft.ExpiresAt = life.at(now)
			draft.Scopes, err = access.ParseScopes(scopes)
			return errors.Join(draft.Check(now), err, checkOperator(operator, false))
		}),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			token, secret, err := access.Create(cmd.Context(), pool, operator, draft)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), struct {
					access.Token
					Secret string `json:"secret"`
				}{token, secret})
			}
			fmt.Fprintln(cmd.OutOrStdout(), secret)
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "token %d: %s, %s, expires %s. The secret is not shown again.\n", token.ID, token.Name,
				strings.Join(access.ScopeNames(token.Scopes), " and "), token.ExpiresAt.Format(time.RFC3339))
			return err
		}),
	}
	_ = life.Set(defaultLife) // a constant
	cmd.Flags().StringVar(&draft.Name, "name", "", "who uses it, up to 100 bytes; the access log has it")
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{string(access.Read)}, "what it allows: read (GET and HEAD), write (all other methods), or read,write")
	cmd.Flags().Var(&life, "expires", "when it ends: a time as in 2027-03-01T10:00:00Z, or a duration from now, up to 87600h")
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) tokenList() *cobra.Command {
	var (
		filter access.Filter
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List the valid API tokens, newest first, without their secrets", Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error { return checkLimit(filter.Limit) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			tokens, err := access.List(cmd.Context(), pool, filter)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), tokens)
			}
			if len(tokens) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			return printTokens(cmd.OutOrStdout(), tokens...)
		}),
	}
	cmd.Flags().BoolVar(&filter.Ended, "all", false, "also tokens that have expired or were revoked")
	cmd.Flags().Int64Var(&filter.Before, "before", 0, "only tokens with a lower id")
	cmd.Flags().IntVar(&filter.Limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) tokenRevoke() *cobra.Command {
	var (
		operator audit.Operator
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End an API token", Args: tokenID,
		Long: "End an API token. Running instances refuse it within about 7 seconds; an instance that cannot read the database, after 15 seconds.\n" +
			"A revoked token stays in \"token list --all\".",
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, false) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			token, changed, err := access.Revoke(cmd.Context(), pool, operator, idOf(args))
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(cmd.OutOrStdout(), token)
			case !changed:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "token %d was revoked before\n", token.ID)
				return err
			}
			return printTokens(cmd.OutOrStdout(), token)
		}),
	}
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// tokenID accepts one id.
func tokenID(cmd *cobra.Command, args []string) error {
	if err := exactly(1)(cmd, args); err != nil {
		return err
	}
	if idOf(args) < 1 {
		return &usageError{fmt.Errorf("%q is not the id of a token", args[0]), cmd.CommandPath()}
	}
	return nil
}

func printTokens(w io.Writer, tokens ...access.Token) error {
	rows := [][]string{{"ID", "NAME", "SCOPES", "CREATED", "EXPIRES", "STATE"}}
	now := time.Now()
	for _, t := range tokens {
		rows = append(rows, []string{fmt.Sprint(t.ID), t.Name, strings.Join(access.ScopeNames(t.Scopes), ","), t.CreatedAt.Format(time.RFC3339),
			t.ExpiresAt.Format(time.RFC3339), t.State(now)})
	}
	return table(w, rows...)
}

// expiry is a time, given as it is or as a duration from now.
type expiry struct {
	text string
	time time.Time     // or
	life time.Duration // from now
}

func (e *expiry) at(now time.Time) time.Time {
	if e.time.IsZero() {
		return now.Add(e.life)
	}
	return e.time
}

func (e *expiry) String() string { return e.text }

func (e *expiry) Type() string { return "time" }

func (e *expiry) Set(text string) error {
	if life, err := time.ParseDuration(text); err == nil && life > 0 {
		*e = expiry{text: text, life: life}
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("it must be a time as in 2027-03-01T10:00:00Z, or a duration from now, as in 2160h")
	}
	*e = expiry{text: text, time: t}
	return nil
}
