// Package cli is the command line that every service has: serve, migrate, import, outbox, consumer, dead-letters, copy, adopt,
// token, admin, history, audit, healthcheck, validate-config and version. It reads the arguments and prints the results. The service provides what the commands do.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/internal/terminal"
)

// App describes a service to its command line. C is the configuration of the service.
type App[C config.Config] struct {
	Name, About string
	Defaults    C // shown in the help text
	Load        func(config.Needs) (C, error)
	Migrate     func(ctx context.Context, cfg C, log *slog.Logger) error
	Serve       func(ctx context.Context, cfg C, log *slog.Logger) error
	// OpenImport opens the target of the import command.
	OpenImport func(ctx context.Context, cfg C) (bulkimport.Target, error)
	// OpenOperations opens what the commands of operators need.
	OpenOperations func(ctx context.Context, cfg C, log *slog.Logger) (Operations, error)
	// OpenMessaging connects to Kafka for the commands that look at the logs.
	OpenMessaging func(cfg C, log *slog.Logger) (Messaging, error)
}

// Main runs the command line and returns the exit code: 0 for success, 1 for an error, 2 for wrong arguments.
func Main[C config.Config](app App[C]) int {
	ctx, stop := lifecycle.OnSignal(context.Background())
	defer stop()
	return execute(ctx, app, New(app))
}

func execute[C config.Config](ctx context.Context, app App[C], root *cobra.Command) int {
	root.SetOut(terminal.NewWriter(root.OutOrStdout()))
	root.SetErr(terminal.NewWriter(root.ErrOrStderr()))
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintf(root.ErrOrStderr(), "%s: interrupted\n", app.Name)
		return 1
	case errors.As(err, &usage):
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\nTry: %s --help\n", app.Name, err, usage.command)
		return 2
	case pgtx.Refusal(err) != "": // the error itself has a line for each address, and no advice
		fmt.Fprintf(root.ErrOrStderr(), "%s: %s\nCause: %v\n", app.Name, pgtx.Refusal(err), err)
		return 1
	default:
		fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", app.Name, err)
		return 1
	}
}

// usageError is an error in the arguments of a command.
type usageError struct {
	error
	command string
}

// New returns the service's root command.
func New[C config.Config](app App[C]) *cobra.Command {
	root := &cobra.Command{
		Use: app.Name, Short: app.About, SilenceErrors: true, SilenceUsage: true,
		Long: app.About + ".\n\nSettings are read from the environment; \"" + app.Name + " validate-config --help\" lists them.",
		Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{err, cmd.CommandPath()} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(app.serve(), app.migrate(), app.maintain(), app.importCommand(), app.outbox(), app.consumer(), app.deadLetters(), app.copies(),
		app.adopt(), app.token(), app.admin(), app.history(), app.audit(), app.healthcheck(), app.validateConfig(), app.version())
	return root
}

func (a App[C]) serve() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Serve the API, publish and consume events", Args: exactly(0),
		Long: "Serve the API, publish and consume events, until SIGINT or SIGTERM. The service first brings the schema up to date,\n" +
			"under a lock, unless MIGRATE_ON_START=false. Until that is done, the API answers 503, and /readyz says why.",
		RunE: a.configured(config.Everything, func(cmd *cobra.Command, _ []string, cfg C, log *slog.Logger) error {
			return a.Serve(cmd.Context(), cfg, log)
		}),
	}
}

func (a App[C]) migrate() *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up to date", Args: exactly(0),
		RunE: a.configured(config.DatabaseAlone, func(cmd *cobra.Command, _ []string, cfg C, log *slog.Logger) error {
			return a.Migrate(cmd.Context(), cfg, log)
		}),
	}
}

func (a App[C]) maintain() *cobra.Command {
	return &cobra.Command{
		Use: "maintain", Short: "Make room in the outbox, and drop old events", Args: exactly(0),
		Long: "Make room in the outbox for new events, and drop events that are sent and older than OUTBOX_RETENTION. A running service\n" +
			"does this by itself every 30 s, if its role owns the tables. Otherwise, run this command hourly with the URL of a role that does.",
		RunE: a.configured(config.DatabaseAlone, func(cmd *cobra.Command, _ []string, cfg C, _ *slog.Logger) error {
			common := cfg.CommonPart()
			pool, err := postgres.Open(cmd.Context(), common.Database.Direct(a.Name+" "+cmd.Name()))
			if err != nil {
				return err
			}
			defer pool.Close()
			return outbox.Maintain(cmd.Context(), pool, common.Outbox.Retention)
		}),
	}
}

func (a App[C]) validateConfig() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "validate-config", Short: "Check the configuration and print it, with secrets masked", Args: exactly(0),
		Long: "Check the configuration and print it, with secrets masked. The command reports every fault at once.\n\n" + config.Text(config.Defaults(a.Defaults)),
		RunE: a.configured(config.Everything, func(cmd *cobra.Command, _ []string, cfg C, _ *slog.Logger) error {
			if asJSON {
				values := map[string]string{}
				for _, v := range config.Variables(cfg) {
					values[v.Name] = v.Value
				}
				return printJSON(cmd.OutOrStdout(), values)
			}
			for _, v := range config.Variables(cfg) {
				fmt.Fprintf(cmd.OutOrStdout(), "%s=%s\n", v.Name, v.Value)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), a.Name, telemetry.Version())
		},
	}
}

// configured loads the part of the configuration that a command needs. Args and PreRunE have checked the arguments before,
// so that a typo is reported even if the environment is not correct.
func (a App[C]) configured(
	needs config.Needs, run func(*cobra.Command, []string, C, *slog.Logger) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := a.Load(needs)
		if err != nil {
			return err
		}
		settings := cfg.CommonPart().Log
		return run(cmd, args, cfg, telemetry.NewLogger(cmd.ErrOrStderr(), settings.Format, settings.Level))
	}
}

// withDatabase opens the service's database for run.
func (a App[C]) withDatabase(run func(*cobra.Command, []string, *postgres.Pool) error) func(*cobra.Command, []string) error {
	return a.configured(config.DatabaseAlone, func(cmd *cobra.Command, args []string, cfg C, _ *slog.Logger) error {
		pool, err := postgres.Open(cmd.Context(), cfg.CommonPart().Database.Direct(a.Name+" "+cmd.Name()))
		if err != nil {
			return err
		}
		defer pool.Close()
		return run(cmd, args, pool)
	})
}

// group returns a command that only has subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

func exactly(n int) cobra.PositionalArgs { return between(n, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.RangeArgs(least, most)(cmd, args); err != nil {
			if len(args) > 0 && cmd.HasSubCommands() {
				err = fmt.Errorf("unknown command %q", args[0])
			}
			return &usageError{err, cmd.CommandPath()}
		}
		return nil
	}
}

// checked turns an error of check, which checks a command's flags, into a usage error.
func checked(check func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err, cmd.CommandPath()}
		}
		return nil
	}
}

func checkLimit(limit int) error {
	if limit < 1 || limit > mostListed {
		return fmt.Errorf("--limit must be between 1 and %d", mostListed)
	}
	return nil
}

// mostListed is the maximum number of rows in one list.
const mostListed = 1000

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns. The first row has the headings.
func table(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, terminal.Line(cell))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
