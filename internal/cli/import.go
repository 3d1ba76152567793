package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/config"
)

// generateBatch is the maximum number of generated records in memory.
const generateBatch = 10_000

type importFlags struct {
	model, format string
	generate      int
	wait          time.Duration
	once, asJSON  bool
}

func (a App[C]) importCommand() *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use: "import [FILE]", Short: "Import records from CSV or JSON, or the built-in sample", Args: between(0, 1),
		Long: "Import records from a file, from standard input (-), or, without a FILE, the built-in sample.\n\n" +
			"CSV needs a header line that names the columns. JSON is an array of objects, or a sequence of objects.\n" +
			"JSON lines (jsonl) have one object on each line.\n" +
			"The command checks every line before it writes anything, and reports the first 1,000 faults with their lines. A\n" +
			"record has at most 1 MiB. What can be read only once is copied into a temporary file first. Importing the same\n" +
			"records again changes nothing, so an import that was interrupted can be run again.\n" +
			"Each change follows the business rules and publishes its event. Where the output for errors is not a terminal, a line\n" +
			"every 10 seconds says how far the import has come.",
		PreRunE: checked(flags.check),
		RunE: a.configured(config.DatabaseAlone, func(cmd *cobra.Command, args []string, cfg C, log *slog.Logger) error {
			return a.importAll(cmd, args, flags, cfg, log)
		}),
	}
	cmd.Flags().StringVar(&flags.model, "model", "", "model of the records; required with a FILE if the service owns several models")
	cmd.Flags().StringVar(&flags.format, "format", "", "csv, json or jsonl; the default follows the ending of the file's name, or else is csv")
	cmd.Flags().IntVar(&flags.generate, "generate", 0, "import `N` generated records, the same ones each time, for load tests")
	cmd.Flags().DurationVar(&flags.wait, "wait", 0, "how long to wait for records of another service that the imported ones refer to")
	cmd.Flags().BoolVar(&flags.once, "once", false, "do nothing if the sample has been imported into this database before")
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print the summary as JSON")
	return cmd
}

// check refuses flags that are not valid, or that exclude each other.
func (f *importFlags) check(cmd *cobra.Command, args []string) error {
	if cmd.Flags().Changed("generate") && (f.generate < 1 || len(args) > 0) {
		return errors.New("--generate takes a number of 1 or more, and no FILE")
	}
	if f.once && (f.generate > 0 || len(args) > 0) {
		return errors.New("--once is for the built-in sample: it cannot be used with FILE or --generate")
	}
	if f.format == "" {
		return nil
	}
	_, err := bulkimport.FormatNamed(f.format)
	return err
}

// importAll checks the arguments and the file before it needs the database, because waiting for the database may take long.
func (a App[C]) importAll(cmd *cobra.Command, args []string, flags importFlags, cfg C, log *slog.Logger) error {
	target, err := a.OpenImport(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	defer target.Close()
	importers, err := choose(target.Importers, flags, len(args) > 0 || flags.generate > 0)
	if err != nil {
		return &usageError{err, cmd.CommandPath()}
	}
	var file bulkimport.Input
	if len(args) > 0 {
		source, err := openFile(cmd, args[0])
		if err != nil {
			return err
		}
		defer source.close()
		if file, err = source.read(importers[0], flags.format); err != nil {
			return err
		}
	}
	if cfg.CommonPart().Database.MigrateOnStart {
		if err := a.Migrate(cmd.Context(), cfg, log); err != nil {
			return err
		}
	}
	for _, importer := range importers {
		run := func(ctx context.Context, tell bulkimport.Tell) (bulkimport.Summary, error) {
			switch {
			case flags.generate > 0:
				return generate(ctx, importer, flags.generate, tell.Progress)
			case len(args) > 0:
				return importer.RunWaiting(ctx, flags.wait, file, tell)
			case flags.once:
				return target.SampleOnce(ctx, importer, flags.wait, tell)
			default:
				return target.Sample(ctx, importer, flags.wait, tell)
			}
		}
		if err := importOne(cmd, importer.Name, run, flags, log); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the importers that the flags select: all importers for the sample, one for a file.
func choose(importers []bulkimport.Importer, flags importFlags, one bool) ([]bulkimport.Importer, error) {
	if flags.model != "" {
		importers = slices.DeleteFunc(importers, func(i bulkimport.Importer) bool { return i.Name != flags.model })
		if len(importers) == 0 {
			return nil, fmt.Errorf("--model %s: this service has no such model", flags.model)
		}
	}
	if flags.generate > 0 {
		importers = slices.DeleteFunc(importers, func(i bulkimport.Importer) bool { return i.Generate == nil })
		if len(importers) == 0 {
			return nil, errors.New("--generate: this service cannot generate records")
		}
	}
	if one && len(importers) > 1 {
		var names []string
		for _, i := range importers {
			names = append(names, i.Name)
		}
		return nil, fmt.Errorf("the model of the records is missing: --model %s", strings.Join(names, " or "))
	}
	return importers, nil
}

// importOne prints what was written, also if there was an error.
func importOne(cmd *cobra.Command, name string, run func(context.Context, bulkimport.Tell) (bulkimport.Summary, error),
	flags importFlags, log *slog.Logger,
) error {
	show := newImportProgress(cmd.ErrOrStderr(), name)
	summary, err := run(cmd.Context(), bulkimport.Tell{Progress: show.report, Waiting: func(reason error) {
		log.InfoContext(cmd.Context(), "waiting for records of another service that the import refers to", "model", name, "for", flags.wait.String(), "faults", countFaults(reason))
	}})
	show.end()
	if flags.asJSON {
		return errors.Join(err, printJSON(cmd.OutOrStdout(), summary))
	}
	_, printed := fmt.Fprintln(cmd.OutOrStdout(), summary)
	return errors.Join(err, printed)
}

// countFaults returns the number of faults that an import reported.
func countFaults(err error) int {
	if faults, ok := errors.AsType[*bulkimport.Faults](err); ok {
		return len(faults.List) + faults.More
	}
	return 1
}

// generate imports n generated records. No more than one batch of them is in memory.
func generate(ctx context.Context, importer bulkimport.Importer, n int, report func(bulkimport.Progress)) (bulkimport.Summary, error) {
	total := bulkimport.Summary{Model: importer.Name}
	done := 0
	for rows := range batches(importer.Generate(n), generateBatch) {
		summary, err := importer.Run(ctx, bulkimport.Records("generated "+importer.Name, rows), func(p bulkimport.Progress) {
			if p.Phase == bulkimport.Writing {
				report(bulkimport.Progress{Phase: p.Phase, Done: done + p.Done, Total: n})
			}
		})
		total = total.Plus(summary)
		if err != nil {
			return total, err
		}
		done += len(rows)
	}
	return total, nil
}

// batches yields the rows in batches of the given size. It takes no row before it is needed.
func batches(rows iter.Seq[bulkimport.Row], size int) iter.Seq[[]bulkimport.Row] {
	return func(yield func([]bulkimport.Row) bool) {
		var batch []bulkimport.Row
		for row := range rows {
			if batch = append(batch, row); len(batch) == size {
				if !yield(batch) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}
