package pactfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

const raw = `{
	"consumer": {"name": "shop"}, "provider": {"name": "stock"},
	"interactions": [
		{"description": "second: <b>", "type": "Synchronous/HTTP", "providerStates": [{"name": "a chair", "params": {"id": 1}}]},
		{"description": "a First thing", "type": "Asynchronous/Messages", "metadata": {"key": "1"}, "contents": {"content": {"n": 1.0}}}
	],
	"metadata": {"pactRust": {"ffi": "0.4.28"}, "pactSpecification": {"version": "4.0"}}
}`

func read(t *testing.T, text string) (*pactfile.File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return pactfile.Read(path)
}

func text(t *testing.T, f *pactfile.File) string {
	t.Helper()
	b, err := f.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	f, err := read(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name() != "shop-stock" || len(f.Interactions) != 2 {
		t.Fatalf("read %+v", f)
	}
	first, second := f.Interactions[0], f.Interactions[1]
	if first.Name() != "a-first-thing" || !first.Message || first.Metadata["key"] != "1" ||
		second.Name() != "second-b" || second.Message || len(second.States) != 1 || second.States[0] != "a chair" {
		t.Errorf("read %+v", f.Interactions)
	}
	canonical := text(t, f)
	if strings.Contains(canonical, "0.4.28") || !strings.Contains(canonical, `"n": 1.0`) || !strings.Contains(canonical, "second: <b>") {
		t.Errorf("canonical form:\n%s", canonical)
	}
	again, err := read(t, canonical)
	if err != nil || text(t, again) != canonical {
		t.Errorf("read again: %v", err)
	}
	twice := strings.Replace(raw, `"interactions": [`, `"interactions": [{"type": "Synchronous/HTTP", "providerStates": [{"name": "a chair", "params": {"id": 1}}], "description": "second: <b>"},`, 1)
	if again, err := read(t, twice); err != nil || text(t, again) != canonical {
		t.Errorf("with the second twice: %v", err)
	}
	if only := text(t, f.Only(second)); strings.Contains(only, "a First thing") || !strings.Contains(only, "a chair") {
		t.Errorf("the second alone:\n%s", only)
	}
}

func TestPublishAndCheck(t *testing.T) {
	t.Parallel()
	f, err := read(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := f.Publish(dir, true); err == nil || !strings.Contains(err.Error(), "shop-stock.json is stale") {
		t.Errorf("one that is missing: %v", err)
	}
	if err := f.Publish(dir, false); err != nil {
		t.Fatal(err)
	}
	if err := f.Publish(dir, true); err != nil {
		t.Errorf("the same: %v", err)
	}
	if err := f.Only(f.Interactions[0]).Publish(dir, true); err == nil || !strings.Contains(err.Error(), "make pact-update") {
		t.Errorf("another: %v", err)
	}
	if all, err := pactfile.ReadAll(dir); err != nil || len(all) != 1 || all[0].Consumer != "shop" {
		t.Errorf("read all: %v, %v", all, err)
	}
}

func TestInvalidContracts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":         `{`,
		"no interactions": `{"consumer":{"name":"a"},"provider":{"name":"b"},"interactions":[]}`,
		"one name twice":  strings.Replace(raw, "second: <b>", "a first THING", 1),
	} {
		if f, err := read(t, text); err == nil {
			t.Errorf("%s: read as %+v", name, f)
		}
	}
	if _, err := pactfile.ReadAll(t.TempDir()); err == nil {
		t.Error("an empty folder passes")
	}
}
