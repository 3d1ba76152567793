package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/bulkimport"
)

// importFile is what an import reads. It is read several times, so what can be read only once is in a temporary file.
type importFile struct {
	name  string // for people
	file  *os.File
	close func()
}

// openFile opens a file, or standard input if the path is "-".
func openFile(cmd *cobra.Command, path string) (importFile, error) {
	if path == "-" {
		return spool(cmd.Context(), "standard input", cmd.InOrStdin())
	}
	file, err := os.Open(path)
	if err != nil {
		return importFile{}, err
	}
	if info, err := file.Stat(); err != nil || info.Mode().IsRegular() {
		return importFile{path, file, func() { _ = file.Close() }}, err
	}
	defer file.Close()
	return spool(cmd.Context(), path, file) // a pipe, for example
}

// spool copies from into a temporary file, which close removes.
func spool(ctx context.Context, name string, from io.Reader) (importFile, error) {
	file, err := os.CreateTemp("", "import-*")
	if err != nil {
		return importFile{}, fmt.Errorf("keep %s in a temporary file: %w", name, err)
	}
	remove := func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(file, from)
		copied <- err
	}()
	select {
	case <-ctx.Done(): // the copy may still wait: standard input may be a terminal
		err = ctx.Err()
	case err = <-copied:
		if err != nil {
			err = fmt.Errorf("keep %s in a temporary file: %w", name, err)
		}
	}
	if err != nil {
		remove()
		return importFile{}, err
	}
	return importFile{name, file, remove}, nil
}

// read fails if the file has no record that could be imported.
func (f importFile) read(importer bulkimport.Importer, format string) (bulkimport.Input, error) {
	chosen := bulkimport.FormatOf(f.name)
	if format != "" {
		chosen = bulkimport.Format(format)
	}
	in, err := bulkimport.Read(f.name, f.file, chosen, importer.Columns)
	if err != nil {
		return in, err
	}
	return in, in.Unreadable()
}
