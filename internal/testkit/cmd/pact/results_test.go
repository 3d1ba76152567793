package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pact/pactfile"
)

// contract is one with two interactions, named a-one and a-two.
func contract(t *testing.T) []*pactfile.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop-stock.json")
	text := `{"consumer":{"name":"shop"},"provider":{"name":"stock"},"interactions":[{"description":"a one"},{"description":"a two"}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := pactfile.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return []*pactfile.File{f}
}

func TestTable(t *testing.T) {
	t.Parallel()
	const one, two = "/shop-stock/a-one", "/shop-stock/a-two"
	all := func(r *results) {
		for _, i := range []string{one, two} {
			r.note(consumerTest+i, "pass")
			r.note(providerTest+i, "pass")
		}
	}
	for name, test := range map[string]struct {
		ends func(*results)
		want string // in the error
	}{
		"all pass": {all, ""},
		"verified by no test": {func(r *results) {
			r.note(consumerTest+one, "pass")
			r.note(consumerTest+two, "pass")
			r.note(providerTest+one, "pass")
		}, "1 interactions did not pass on both sides: shop-stock/a-two"},
		"expected by no test":      {func(r *results) { r.note(providerTest+one, "pass"); r.note(providerTest+two, "pass") }, "2 interactions"},
		"one fails":                {func(r *results) { all(r); r.note(providerTest+two, "fail") }, "shop-stock/a-two"},
		"one of two skips":         {func(r *results) { all(r); r.note(providerTest+two, "skip") }, "shop-stock/a-two"},
		"a failure stays":          {func(r *results) { r.note(providerTest+two, "fail"); all(r) }, "shop-stock/a-two"},
		"only a part of the tests": {func(r *results) { r.note(providerTest+one+"/inner", "pass"); r.note(providerTest+one, "run") }, "2 interactions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newResults()
			test.ends(r)
			var out strings.Builder
			err := r.table(&out, contract(t))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if lines := strings.Count(out.String(), "\n"); lines != 3 {
				t.Errorf("%d lines:\n%s", lines, out.String())
			}
		})
	}
}

func TestVerified(t *testing.T) {
	t.Parallel()
	r := newResults()
	r.note(providerTest+"/shop-stock/a-one", "pass")
	r.note(consumerTest+"/shop-stock/a-two", "pass")
	if err := r.verified(contract(t)); err == nil || err.Error() != "1 interactions did not pass at the provider: shop-stock/a-two (no test)" {
		t.Errorf("an interaction that no test verified: %v", err)
	}
	r.note(providerTest+"/shop-stock/a-two", "pass")
	if err := r.verified(contract(t)); err != nil {
		t.Error(err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	r := newResults()
	out := r.follow(bufio.NewScanner(strings.NewReader(`{"Action":"output","Package":"good","Output":"noise\n"}
{"Action":"pass","Package":"good","Test":"TestProviderContracts/shop-stock/a-one"}
{"Action":"pass","Package":"good"}
{"Action":"output","Package":"bad","Test":"TestProviderContracts/shop-stock/a-two","Output":"the key is wrong\n"}
{"Action":"output","Package":"bad","Test":"TestProviderContracts/shop-stock/a-two","Output":"=== RUN   x\n"}
{"Action":"fail","Package":"bad","Test":"TestProviderContracts/shop-stock/a-two"}
{"Action":"fail","Package":"bad"}
{"ImportPath":"worse","Action":"build-output","Output":"undefined: x\n"}
not JSON
`)))
	if out != "the key is wrong\nundefined: x\nnot JSON\n" {
		t.Errorf("printed %q", out)
	}
	if r.of(providerTest+"/shop-stock/a-one") != "pass" || r.of(providerTest+"/shop-stock/a-two") != "fail" {
		t.Errorf("noted %v", r.ended)
	}
}
