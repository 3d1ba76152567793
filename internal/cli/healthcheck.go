package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// healthTimeout is longer than the time-out of the service's own checks, so that the answer can say which check is slow.
const healthTimeout = 3 * time.Second

func (a App[C]) healthcheck() *cobra.Command {
	var (
		timeout time.Duration
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Ask the running service for its health", Args: exactly(0),
		Long: "Ask the service on this machine for its /readyz, and print what is wrong.\n" +
			"The exit code is 0 when the service is ready or degraded, and 1 when it cannot work or does not answer.\n" +
			"This is the health check of the container image, which has no shell.",
		PreRunE: checked(func(*cobra.Command, []string) error {
			if timeout <= 0 {
				return errors.New("--timeout must be longer than 0s")
			}
			return nil
		}),
		RunE: a.configured(config.AddressAlone, func(cmd *cobra.Command, _ []string, cfg C, _ *slog.Logger) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			health, err := httpserver.AskReadiness(ctx, cfg.CommonPart().HTTP.HealthAddr())
			if err != nil {
				return fmt.Errorf("the service does not answer: %w", err)
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), health)
			} else {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), health)
			}
			if err == nil && !health.Usable() {
				err = errors.New("the service is not ready")
			}
			return err
		}),
	}
	cmd.Flags().DurationVar(&timeout, "timeout", healthTimeout, "how long to wait for the answer")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
