package kafkaprocess

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Run runs a broker that only this test uses, so the test may stop it. It ends with the test. secured may be nil.
func Run(t testing.TB, secured *Secured) *Broker {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	jars, err := Obtain(t.Context(), filepath.Join(cache, "monsplit"), func(step string) { t.Log(step) })
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(t.Context(), jars, t.TempDir(), secured)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Stop(3 * time.Second) })
	if err := b.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}
