package httpserver_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/httpserver"
)

func TestPreconditions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header      *string
		notModified bool // of the tag "7"
		versions    []int64
	}{
		"None":                {nil, false, nil},
		"Any":                 {new("*"), true, nil},
		"Same":                {new(`"7"`), true, []int64{7}},
		"Other":               {new(`"8"`), false, []int64{8}},
		"List":                {new(`"6" , "7"`), true, []int64{6, 7}},
		"Weak":                {new(`W/"7"`), true, []int64{}},
		"Foreign":             {new(`"abc", "7,7", "07", "+7"`), false, []int64{}},
		"Unquoted":            {new(`7`), false, []int64{}},
		"Empty":               {new(``), false, []int64{}},
		"OpenQuote":           {new(`"7`), false, []int64{}},
		"CommasAndAny":        {new(`"a,b", "7"`), true, []int64{7}},
		"TooLargeForAVersion": {new(`"99999999999999999999"`), false, []int64{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := httpserver.NotModified(tt.header, httpserver.ETag(7)); got != tt.notModified {
				t.Errorf("not modified %t, want %t", got, tt.notModified)
			}
			got := httpserver.IfMatch(tt.header)
			if !slices.Equal(got, tt.versions) || (got == nil) != (tt.versions == nil) {
				t.Errorf("versions %v, want %v", got, tt.versions)
			}
		})
	}
}

// For any header, only tags that ETag would write match.
func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"1"`, `"1", W/"2"`, `*`, `"`, `,,"3",`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, v := range httpserver.IfMatch(&header) {
			if !strings.Contains(header, httpserver.ETag(v)) {
				t.Errorf("%q matches version %d", header, v)
			}
		}
	})
}
