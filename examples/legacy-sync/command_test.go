package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/freeport"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	away := "http://" + freeport.Addr(t) // no server listens there
	file := filepath.Join(t.TempDir(), "offers.csv")
	if err := os.WriteFile(file, []byte(header), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"Help":        {[]string{"--help"}, 0, "-dry-run", ""},
		"UnknownFlag": {[]string{"--xml", file}, 2, "", "-xml; try --help"},
		"NoFile":      {nil, 2, "", "the FILE is missing"},
		"Argument":    {[]string{file, "more"}, 2, "", `unexpected argument "more"`},
		"NoDuration":  {[]string{"--wait=-1s", file}, 2, "", "a duration is negative"},
		"NoURL":       {[]string{"--monolith", "localhost:8000", file}, 2, "", "want one like http://127.0.0.1:8000"},
		"Missing":     {[]string{file + "x"}, 1, "", "no such file"},
		"Away":        {[]string{"--monolith", away, "--retry=0", file}, 1, "0 created", "connection refused"},
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
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	if code := run(ctx, []string{"--monolith", away, file}, &stdout, &stderr); code != 1 || stderr.String() != "legacy-sync: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}

// A file that is not valid is refused with all of its faults. Nothing is sent.
func TestBadFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, faults string }{
		"Empty": {"", "f.csv is empty; its first line must be product,market,availability_date,availability_end_date"},
		"Columns": {"product,product,price\n", `f.csv:1: the column "product" appears twice
f.csv:1: the column "price" is unknown
f.csv:1: the column "market" is missing
f.csv:1: the column "availability_date" is missing
f.csv:1: the column "availability_end_date" is missing`},
		"Header": {"\"product\n", `f.csv:1: extraneous or missing " in quoted-field`},
		"Rows": {header + `0,Netherlands,soon,2026-02-30
17,NL,,
17,NL,2026-01-01
17,NL,2026-01-02,2026-01-01
18,"N"L,,
x,NL,,
17,DE,,
17,NL,,2026-01-01
`, `f.csv:2: product "0" is not the integer id of a product
f.csv:2: market "Netherlands" is not an ISO code such as NL
f.csv:2: availability_date "soon" is not a date such as 2026-03-01
f.csv:2: availability_end_date "2026-02-30" is not a date such as 2026-03-01
f.csv:4: has 3 fields, want 4
f.csv:5: availability_end_date "2026-01-01" is before availability_date "2026-01-02"
f.csv:6: extraneous or missing " in quoted-field
f.csv:7: product "x" is not the integer id of a product
f.csv:9: the product and the market are the same as in line 3`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := readRows("f.csv", []byte(tt.text))
			var got []string
			for _, fault := range faults {
				got = append(got, fault.Error())
			}
			if strings.Join(got, "\n") != tt.faults {
				t.Errorf("faults\n%s\nwant\n%s", strings.Join(got, "\n"), tt.faults)
			}
		})
	}
	rows, faults := readRows("f.csv", []byte("\ufeffmarket,product,availability_end_date,availability_date\r\nNL, 17 ,2026-09-30,2026-03-01\r\n"))
	if want := (availability{2, 17, "NL", dates{"2026-03-01", "2026-09-30"}}); faults != nil || len(rows) != 1 || rows[0] != want {
		t.Errorf("%+v %v", rows, faults)
	}
	m := newMonolith()
	if r := m.sync(t, "17,NL,,\n0,NL,,\n"); r.code != 1 || r.stdout != "" || len(m.requests) != 0 ||
		!strings.Contains(r.stderr, "offers.csv:3: ") || !strings.HasSuffix(r.stderr, "legacy-sync: the file is not valid; nothing was sent\n") {
		t.Errorf("%+v after %v", r, m.requests)
	}
}
