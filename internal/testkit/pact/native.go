//go:build pact

package pact

/*
#cgo LDFLAGS: -L${SRCDIR}/../../../.tools/pact/lib -Wl,-rpath,${SRCDIR}/../../../.tools/pact/lib -lpact_ffi
extern const char *pactffi_version(void);
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// libraryVersion is the version that pact-go is made for.
const libraryVersion = "0.4.28"

// open prepares the native library, or returns why it is the wrong one. Every entry point of this package calls it first.
func open() error {
	// Otherwise it reports each use to its authors.
	if err := os.Setenv("PACT_DO_NOT_TRACK", "true"); err != nil {
		return err
	}
	// pact-go's own paths are searched before libraryDir, so a stray copy may have been loaded.
	if v := C.GoString(C.pactffi_version()); v != libraryVersion {
		return fmt.Errorf("version %s of libpact_ffi is loaded instead of %s: run \"make pact-library\", and look for a stray copy "+
			"in /tmp, /opt/pact/lib or /usr/local/lib", v, libraryVersion)
	}
	return nil
}

// contracts returns the folder of the committed contracts. A test runs in the folder of its package, below the module's
// root.
func contracts() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "contracts", "pacts"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the test does not run in the module")
		}
		dir = parent
	}
}
