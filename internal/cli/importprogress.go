package cli

import (
	"fmt"
	"io"

	"github.com/monsplit/monsplit/internal/bulkimport"
)

// importProgress shows how far an import has come. An import can take many minutes, so it also shows this in a log.
type importProgress struct{ *progress }

func newImportProgress(out io.Writer, name string) importProgress {
	return importProgress{newLoggedProgress(out, name)}
}

// report must be called by one goroutine at a time.
func (p importProgress) report(at bulkimport.Progress) {
	p.show(func() string { return importStep(at) }, at.Done == at.Total)
}

// importStep returns what the import does, for people.
func importStep(at bulkimport.Progress) string {
	switch at.Phase {
	case bulkimport.Reading:
		return fmt.Sprintf("%d read", at.Done)
	case bulkimport.Checking:
		if at.Pass > 1 {
			return fmt.Sprintf("%d of %d checked (pass %d)", at.Done, at.Total, at.Pass)
		}
		return fmt.Sprintf("%d of %d checked", at.Done, at.Total)
	default:
		return fmt.Sprintf("%d of %d written", at.Done, at.Total)
	}
}
