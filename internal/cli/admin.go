package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) admin() *cobra.Command {
	return group("admin", "Manage the admin pages", group("user", "Create, list and change the users of the admin pages",
		a.userCreate(), a.userList(), a.userResetPassword(),
		a.userChange("disable", "Sign a user out everywhere, and let the user no longer sign in", (*account.Users).Disable),
		a.userChange("enable", "Let a disabled user sign in again, with the same password", (*account.Users).Enable)))
}

func (a App[C]) userCreate() *cobra.Command {
	var (
		operator audit.Operator
		roleName string
		role     account.Role
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Create a user, and print the password once", Args: exactly(1),
		Long: "Create a user of the admin pages of this service, and print the random password once. After the first\n" +
			"sign-in, the user must choose another password.\n" +
			"A viewer looks at data, an editor also changes data, an admin also manages users.",
		PreRunE: checked(func(_ *cobra.Command, args []string) (err error) {
			role, err = account.ParseRole(roleName)
			return errors.Join(account.CheckName(args[0]), err, checkOperator(operator, false))
		}),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			user, password, err := account.New(pool).Create(cmd.Context(), operator, args[0], role)
			if err != nil {
				return err
			}
			return printSecret(cmd, asJSON, user, password)
		}),
	}
	cmd.Flags().StringVar(&roleName, "role", string(account.Viewer), "what the user may do: viewer, editor or admin")
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) userResetPassword() *cobra.Command {
	var (
		operator audit.Operator
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: "reset-password NAME", Short: "Give a user a random password, and print it once", Args: exactly(1),
		Long: "Give a user of the admin pages a random password, and print it once. The user is signed out everywhere, and must choose\n" +
			"another password after the next sign-in.",
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, false) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			users := account.New(pool)
			user, err := users.Find(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("%q: %w", args[0], err)
			}
			user, password, err := users.ResetPassword(cmd.Context(), operator, user.Name)
			if err != nil {
				return err
			}
			return printSecret(cmd, asJSON, user, password)
		}),
	}
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// userChange returns a command that changes one user with do.
func (a App[C]) userChange(name, short string, do func(*account.Users, context.Context, audit.Operator, string) (account.User, error)) *cobra.Command {
	var (
		operator audit.Operator
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use: name + " NAME", Short: short, Args: exactly(1),
		PreRunE: checked(func(*cobra.Command, []string) error { return checkOperator(operator, false) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, args []string, pool *postgres.Pool) error {
			users := account.New(pool)
			user, err := users.Find(cmd.Context(), args[0])
			if err == nil {
				user, err = do(users, cmd.Context(), operator, user.Name)
			}
			switch {
			case err != nil:
				return fmt.Errorf("%q: %w", args[0], err)
			case asJSON:
				return printJSON(cmd.OutOrStdout(), user)
			}
			return printUsers(cmd, user)
		}),
	}
	operatorFlags(cmd, &operator)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) userList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all users by name, without their passwords", Args: exactly(0),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			users, err := account.New(pool).List(cmd.Context())
			switch {
			case err != nil:
				return err
			case asJSON:
				return printJSON(cmd.OutOrStdout(), users)
			case len(users) == 0:
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			return printUsers(cmd, users...)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printSecret prints a new password alone, so that a script can read it.
func printSecret(cmd *cobra.Command, asJSON bool, user account.User, password string) error {
	if asJSON {
		return printJSON(cmd.OutOrStdout(), struct {
			account.User
			Password string `json:"password"`
		}{user, password})
	}
	fmt.Fprintln(cmd.OutOrStdout(), password)
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "user %s: %s. The password is not shown again. The user must choose another one after the sign-in.\n", user.Name, user.Role)
	return err
}

func printUsers(cmd *cobra.Command, users ...account.User) error {
	rows := [][]string{{"NAME", "ROLE", "STATE", "CREATED"}}
	for _, u := range users {
		rows = append(rows, []string{u.Name, string(u.Role), u.State(), u.CreatedAt.Format(time.RFC3339)})
	}
	return table(cmd.OutOrStdout(), rows...)
}
