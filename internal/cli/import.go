package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/imports"
)

// generateBatch is how many made-up records are held in memory at once.
const generateBatch = 10_000

type importFlags struct {
	model, format string
	generate      int
	wait          time.Duration
	asJSON        bool
}

func (a App) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use: "import [FILE]", Short: "Import records from CSV or JSON, or the built-in sample", Args: between(0, 1),
		Long: "Import records from a file, from standard input (-), or, without a FILE, the built-in sample.\n\n" +
			"CSV needs a header line that names the columns; JSON is an array of objects, or one object after the other.\n" +
			"Every line is checked before anything is written, and every fault is told with its line. Importing the same\n" +
			"again changes nothing. Each change goes through the business rules and is announced like any other.",
		RunE: a.configured(func(cmd *cobra.Command, args []string, cfg config.Service, log *slog.Logger) error {
			if flags.generate < 0 || flags.generate > 0 && len(args) > 0 {
				return &usageError{fmt.Errorf("--generate takes a positive number, and no FILE"), cmd.CommandPath()}
			}
			if cfg.MigrateOnStart {
				if err := a.Migrate(cmd.Context(), cfg, log); err != nil {
					return err
				}
			}
			importers, done, err := a.Importers(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer done()
			importers, err = choose(importers, flags, len(args) > 0 || flags.generate > 0)
			if err != nil {
				return &usageError{err, cmd.CommandPath()}
			}
			for _, importer := range importers {
				summary, err := runImport(cmd, args, importer, flags)
				if err != nil {
					return err
				}
				if flags.asJSON {
					err = printJSON(cmd.OutOrStdout(), summary)
				} else {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), summary)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&flags.model, "model", "", "what the records are; needed with a FILE where the service owns several models")
	cmd.Flags().StringVar(&flags.format, "format", "", "csv or json; by default as the file's name ends, else csv")
	cmd.Flags().IntVar(&flags.generate, "generate", 0, "import `N` made-up records, the same ones each time, for load")
	cmd.Flags().DurationVar(&flags.wait, "wait", 0, "how long to wait for what records refer to and another service has still to announce")
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print the summary as JSON")
	return cmd
}

// choose returns the importers that the flags mean: all of them for the sample, one for a file.
func choose(importers []imports.Importer, flags importFlags, one bool) ([]imports.Importer, error) {
	if flags.model != "" {
		importers = slices.DeleteFunc(importers, func(i imports.Importer) bool { return i.Name != flags.model })
		if len(importers) == 0 {
			return nil, fmt.Errorf("--model %s is not known here", flags.model)
		}
	}
	if flags.generate > 0 {
		importers = slices.DeleteFunc(importers, func(i imports.Importer) bool { return i.Generate == nil })
		if len(importers) == 0 {
			return nil, fmt.Errorf("--generate is not to be had here")
		}
	}
	if one && len(importers) > 1 {
		var names []string
		for _, i := range importers {
			names = append(names, i.Name)
		}
		return nil, fmt.Errorf("say what the records are: --model %s", strings.Join(names, " or "))
	}
	return importers, nil
}

func runImport(cmd *cobra.Command, args []string, importer imports.Importer, flags importFlags) (imports.Summary, error) {
	show := newProgress(cmd.ErrOrStderr(), importer.Name)
	defer show.end()
	if flags.generate > 0 {
		return generate(cmd.Context(), importer, flags, show)
	}
	source, rows, err := readRows(cmd, args, importer, flags.format)
	if err != nil {
		return imports.Summary{}, err
	}
	return importer.RunWaiting(cmd.Context(), flags.wait, source, rows, show.report)
}

func readRows(cmd *cobra.Command, args []string, importer imports.Importer, format string) (string, []imports.Row, error) {
	if len(args) == 0 {
		rows, err := importer.Sample()
		return "sample " + importer.Name, rows, err
	}
	name, in := args[0], cmd.InOrStdin()
	if name == "-" {
		name = "standard input"
	} else {
		file, err := os.Open(name)
		if err != nil {
			return "", nil, err
		}
		defer file.Close()
		in = file
	}
	chosen := imports.FormatOf(name)
	if format != "" {
		chosen = imports.Format(format)
	}
	rows, err := imports.Read(name, in, chosen, importer.Columns)
	return name, rows, err
}

// generate imports made-up records, some thousands at a time.
func generate(ctx context.Context, importer imports.Importer, flags importFlags, show *progress) (imports.Summary, error) {
	total := imports.Summary{Model: importer.Name}
	done := 0
	for rows := range slices.Chunk(slices.Collect(importer.Generate(flags.generate)), generateBatch) {
		summary, err := importer.Run(ctx, "generated "+importer.Name, rows, func(n, _ int) { show.report(done+n, flags.generate) })
		total.Created += summary.Created
		total.Updated += summary.Updated
		total.Unchanged += summary.Unchanged
		if err != nil {
			return total, err
		}
		done += len(rows)
	}
	return total, nil
}

// progress shows on a terminal how far an import is, and nothing elsewhere.
type progress struct {
	out   io.Writer // nil where nobody looks
	what  string
	shown time.Time
}

func newProgress(out io.Writer, what string) *progress {
	if file, ok := out.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return &progress{}
	}
	return &progress{out: out, what: what}
}

// report may be called by one goroutine at a time.
func (p *progress) report(done, total int) {
	if p.out == nil || time.Since(p.shown) < 100*time.Millisecond && done < total {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r%s: %d of %d", p.what, done, total)
}

func (p *progress) end() {
	if p.out != nil && !p.shown.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
