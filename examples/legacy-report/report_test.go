package main

import (
	"strings"
	"testing"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/monolithclient"
	"github.com/monsplit/monsplit/internal/testkit/freeport"
)

func offers(t *testing.T) []offer {
	t.Helper()
	var start types.Date
	if err := start.UnmarshalText([]byte("2026-03-01")); err != nil {
		t.Fatal(err)
	}
	none, from := nullable.NewNullNullable[types.Date](), nullable.NewNullableWithValue(start)
	return join(
		[]monolithclient.LegacyEntry{
			{ID: 1, Product: 17, Market: 3, AvailabilityDate: from, AvailabilityEndDate: none},
			{ID: 2, Product: 18, Market: 3, AvailabilityDate: none, AvailabilityEndDate: none},
			{ID: 3, Product: 99, Market: 98, AvailabilityDate: from, AvailabilityEndDate: from},
		},
		[]monolithclient.Product{{ID: 17, Name: "Rocking chair", ProductCategory: "Chairs"}, {ID: 18, Name: "A \"desk\",\tred\x1b[2J", ProductCategory: "Desks", Discontinued: true}},
		[]monolithclient.LegacyMarket{{ID: 3, ISOCode: "NL"}},
	)
}

func TestTable(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := writeTable(&out, offers(t)); err != nil {
		t.Fatal(err)
	}
	want := "MARKET  PRODUCT                           CATEGORY  FROM           UNTIL\n" +
		"#98     #99                                         2026-03-01     2026-03-01\n" +
		"NL      A \"desk\",�red�[2J (discontinued)  Desks     not scheduled  open\n" +
		"NL      Rocking chair                     Chairs    2026-03-01     open\n" +
		"3 offers\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := writeCSV(&out, offers(t)); err != nil {
		t.Fatal(err)
	}
	want := "market,product,category,discontinued,from,until\n" +
		"#98,#99,,false,2026-03-01,2026-03-01\n" +
		"NL,\"A \"\"desk\"\",\tred\x1b[2J\",Desks,true,,\n" +
		"NL,Rocking chair,Chairs,false,2026-03-01,\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	away := "http://" + freeport.Addr(t) // no server listens there
	for name, tt := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"Help":        {[]string{"--help"}, 0, "--csv", ""},
		"UnknownFlag": {[]string{"--xml"}, 2, "", "-xml; try --help"},
		"Argument":    {[]string{"report"}, 2, "", `unexpected argument "report"`},
		"NoID":        {[]string{"--product", "chair"}, 2, "", `invalid value "chair"`},
		"NoURL":       {[]string{"--monolith", "localhost:8000"}, 2, "", "want one like http://127.0.0.1:8000"},
		"Away":        {[]string{"--monolith", away}, 1, "", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			code := run(t.Context(), tt.args, &stdout, &stderr)
			if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) ||
				(tt.stderr == "") != (stderr.String() == "") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
			}
		})
	}
}
