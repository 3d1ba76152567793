package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

func TestGolden(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "new", "parcels.gen.go")
	if err := run("testdata/parcels.yaml", "parcels", out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/parcels.golden"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("generated code differs from %s (see -update):\n%s", golden, got)
	}
}

// TestRefuses changes the golden document. A schema without an exact Go type must be an error, not a guess.
func TestRefuses(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("testdata/parcels.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct{ old, spoiled, want string }{
		"AsyncAPI 2":                  {"asyncapi: 3.0.0", "asyncapi: 2.6.0", "need 3.x"},
		"a dangling reference":        {"schemas/Sender'", "schemas/Sandor'", "does not lead anywhere"},
		"a reference to another file": {"'#/components/messages/ParcelLost'", "other.yaml#/ParcelLost", "does not lead anywhere"},
		"a circle":                    {"ISOCode: { type: string,", "ISOCode: { $ref: '#/components/schemas/ISOCode',", "does not lead anywhere"},
		"an unsupported type":         {"weight: { type: integer, format: int64 }", "weight: { type: number }", "member weight: type number"},
		"two types":                   {"weight: { type: integer", "weight: { type: [integer, string]", "need one type"},
		"no type":                     {"fragile: { type: boolean }", "fragile: {}", "need one type"},
		"oneOf":                       {"    Sender:\n", "    Sender:\n      oneOf: []\n", "oneOf has no Go type"},
		"no members":                  {"        name: { type: string }\n", "", "not an object with properties"},
		"an optional constant":        {"[id, source, type,", "[id, type,", "a constant must be a required string"},
		"no CloudEvents type":         {"const: example.parcel.lost.v1", "minLength: 1", `no constant member "type"`},
		"a message in no channel":     {"      lost: { $ref: '#/components/messages/ParcelLost' }\n", "", "message ParcelLost is in no channel"},
		"a message in no operation":   {"      - $ref: '#/channels/parcel-moves/messages/lost'\n", "", "message lost is in no operation that sends"},
		"an operation that receives":  {"action: send", "action: receive", "message sent is in no operation that sends"},
		"two content types":           {"contentType: application/cloudevents", "contentType: application/avro", "content type"},
		"not YAML":                    {"asyncapi: 3.0.0", "\t", "found character"},
		"a list of anything":          {", items: { type: string, format: uuid }", "", "a list needs items"},
		"a list of lists":             {"items: { type: string, format: uuid }", "items: { type: array, items: { type: string } }", "a list of lists"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoiled := strings.Replace(string(document), tc.old, tc.spoiled, 1)
			if spoiled == string(document) {
				t.Fatalf("the document does not contain %q", tc.old)
			}
			_, err := Load([]byte(spoiled))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want it to contain %q", err, tc.want)
			}
		})
	}
	if _, err := Load(nil); err == nil {
		t.Error("an empty document is accepted")
	}
}

func TestGoName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"product_uuid": "ProductUUID", "catalogEntry": "CatalogEntry", "iso_code": "ISOCode", "isoCode": "ISOCode",
		"id": "ID", "time": "Time", "parcel-moves": "ParcelMoves", "ISOCode": "ISOCode",
	} {
		if got := goName(name); got != want {
			t.Errorf("goName(%q) is %q, want %q", name, got, want)
		}
	}
}
