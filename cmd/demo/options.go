package main

import (
	"errors"
	"fmt"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"
)

// options are the demo's settings. A flag goes before its environment variable.
type options struct {
	MonolithAddr string `env:"DEMO_MONOLITH_ADDR" envDefault:"127.0.0.1:8000"`
	CatalogAddr  string `env:"DEMO_CATALOG_ADDR" envDefault:"127.0.0.1:8001"`
	DataDir      string `env:"DEMO_DATA_DIR"`
	Kafka        string `env:"DEMO_KAFKA"`
	Postgres     string `env:"DEMO_POSTGRES"`
	NoSampleData bool   `env:"DEMO_NO_SAMPLE_DATA"`
}

// fit refuses what works only once. Databases outlive the demo and remember how far they have read: the log that they
// have read has to outlive it too.
func (o options) fit() error {
	if o.Postgres != "" && o.DataDir == "" && o.Kafka == "" {
		return errors.New("--postgres keeps its data, but the embedded broker's would be removed at the end: " +
			"give --data-dir FOLDER too, so that both are kept, or --kafka HOST:PORT")
	}
	return nil
}

func command() *cobra.Command {
	opts, err := env.ParseAs[options]()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run both services, PostgreSQL and a broker in one process, with sample data",
		Long: "Run both services, PostgreSQL and a broker in one process, with sample data, until Ctrl-C.\n\n" +
			"Each flag can be set as an environment variable too: --data-dir as DEMO_DATA_DIR, and so on.",
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err != nil {
				return fmt.Errorf("an environment variable cannot be read: %w", err)
			}
			return run(cmd.Context(), opts, cmd.OutOrStdout())
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	flags := cmd.Flags()
	flags.StringVar(&opts.MonolithAddr, "monolith-addr", opts.MonolithAddr, "where the monolith listens")
	flags.StringVar(&opts.CatalogAddr, "catalog-addr", opts.CatalogAddr, "where the catalog service listens")
	flags.StringVar(&opts.DataDir, "data-dir", opts.DataDir, "folder to keep the data in; by default a scratch folder that is removed at the end")
	flags.StringVar(&opts.Kafka, "kafka", opts.Kafka, "use the Kafka at HOST:PORT rather than the embedded test broker")
	flags.StringVar(&opts.Postgres, "postgres", opts.Postgres, "use the PostgreSQL at this URL, and two databases there, monolith and catalog, rather than a server of the demo's own; needs --data-dir or --kafka")
	flags.BoolVar(&opts.NoSampleData, "no-sample-data", opts.NoSampleData, "start with nothing in it")
	return cmd
}
