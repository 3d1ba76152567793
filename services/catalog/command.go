package catalog

import (
	"context"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/telemetry"
)

// Command is the catalog's command line.
func Command() *cobra.Command {
	root := &cobra.Command{
		Use: name, Short: "The service that owns the catalog entries and the markets",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(
		&cobra.Command{
			Use: "serve", Short: "Serve the API, publish and consume events", Args: cobra.NoArgs,
			RunE: configured(func(ctx context.Context, cfg config.Service, log *slog.Logger) error {
				if cfg.MigrateOnStart {
					if err := Migrate(ctx, cfg, log); err != nil {
						return err
					}
				}
				return Run(ctx, cfg, log)
			}),
		},
		&cobra.Command{
			Use: "migrate", Short: "Bring the database's schema up to date", Args: cobra.NoArgs, RunE: configured(Migrate),
		},
	)
	return root
}

func configured(
	run func(ctx context.Context, cfg config.Service, log *slog.Logger) error,
) func(cmd *cobra.Command, args []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		cfg, err := LoadConfig()
		if err != nil {
			return err
		}
		ctx, stop := lifecycle.OnSignal(cmd.Context())
		defer stop()
		return run(ctx, cfg, telemetry.NewLogger(os.Stderr, cfg.LogFormat, cfg.LogLevel))
	}
}
