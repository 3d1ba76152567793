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

// libraryVersion is the one that pact-go is made for.
const libraryVersion = "0.4.28"

// open gets the native library ready, and says why it is not the right one. Every way into this package begins here.
func open() error {
	// It reports each use to its makers otherwise.
	if err := os.Setenv("PACT_DO_NOT_TRACK", "true"); err != nil {
		return err
	}
	// The paths of pact-go's own are searched before ours, so a stray copy may have been loaded.
	if v := C.GoString(C.pactffi_version()); v != libraryVersion {
		return fmt.Errorf("version %s of libpact_ffi is loaded instead of %s: run \"make pact-library\", and look for a stray copy "+
			"in /tmp, /opt/pact/lib or /usr/local/lib", v, libraryVersion)
	}
	return nil
}

// contracts is the folder of the committed contracts. A test runs in the folder of its package, somewhere below the
// module's root.
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
