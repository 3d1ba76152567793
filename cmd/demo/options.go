package main

import (
	"errors"
	"fmt"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"
)

// options are the demo's settings. A flag overrides its environment variable.
type options struct {
	MonolithAddr string `env:"DEMO_MONOLITH_ADDR" envDefault:"127.0.0.1:8000"`
	CatalogAddr  string `env:"DEMO_CATALOG_ADDR" envDefault:"127.0.0.1:8001"`
	DataDir      string `env:"DEMO_DATA_DIR"`
	Kafka        string `env:"DEMO_KAFKA"`
	Postgres     string `env:"DEMO_POSTGRES"`
	NoSampleData bool   `env:"DEMO_NO_SAMPLE_DATA"`
	Tokens       bool   `env:"DEMO_TOKENS"`
}

// fit refuses a combination that works only once. Databases outlive the demo and remember their positions in Kafka's log.
// So the log must outlive the demo, too.
func (o options) fit() error {
	if o.Postgres != "" && o.DataDir == "" && o.Kafka == "" {
		return errors.New("--postgres keeps its data, but the data of the embedded broker would be removed at the end: " +
			"add --data-dir FOLDER, so that both are kept, or --kafka HOST:PORT")
	}
	return nil
}

func command() *cobra.Command {
	opts, err := env.ParseAs[options]()
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run both services, PostgreSQL and a broker in one process, with sample data",
		Long: "Run both services, PostgreSQL and a broker in one process, with sample data, until Ctrl-C.\n\n" +
			"Each flag can also be set as an environment variable: --data-dir as DEMO_DATA_DIR, and so on.",
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
	flags.StringVar(&opts.MonolithAddr, "monolith-addr", opts.MonolithAddr, "address of the monolith")
	flags.StringVar(&opts.CatalogAddr, "catalog-addr", opts.CatalogAddr, "address of the catalog service")
	flags.StringVar(&opts.DataDir, "data-dir", opts.DataDir, "folder for the data; by default a scratch folder that is removed at the end")
	flags.StringVar(&opts.Kafka, "kafka", opts.Kafka, "use the Kafka at HOST:PORT instead of the embedded test broker")
	flags.StringVar(&opts.Postgres, "postgres", opts.Postgres, "use the PostgreSQL at this URL, with two databases, monolith and catalog, instead of the demo's own server; needs --data-dir or --kafka")
	flags.BoolVar(&opts.NoSampleData, "no-sample-data", opts.NoSampleData, "start without sample data")
	flags.BoolVar(&opts.Tokens, "tokens", opts.Tokens, "every request to an API needs a token; the demo prints how to create one")
	return cmd
}
