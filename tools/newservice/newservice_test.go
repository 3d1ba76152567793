package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository has the files that newservice reads, and nothing else.
func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, in := range insertions {
		text, err := os.ReadFile(filepath.Join("../..", in.file))
		if err != nil {
			t.Fatal(err)
		}
		put(t, root, in.file, text)
	}
	put(t, root, "go.mod", []byte("module github.com/monsplit/monsplit\n"))
	put(t, root, "services/monolith/monolith.go", nil)
	put(t, root, "services/catalog/catalog.go", nil)
	return root
}

func put(t *testing.T, root, file string, text []byte) {
	t.Helper()
	path := filepath.Join(root, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func scaffold(ctx context.Context, root string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(ctx, append([]string{"-root", root}, args...), &out, io.Discard)
	return out.String(), err
}

// TestEveryPlaceHasTheService: each file is written, no placeholder is left, and another service finds the anchors again.
func TestEveryPlaceHasTheService(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for _, names := range [][2]string{{"orders", "order"}, {"reimbursements", "reimbursementrequest"}, {"shipping", "parcel"}} {
		service, model := names[0], names[1]
		out, err := scaffold(t.Context(), root, "-force", "-model", model, service)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			verb, file, _ := strings.Cut(strings.TrimSpace(line), " ")
			if verb != "wrote" && verb != "changed" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, strings.TrimSpace(file)))
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []string{"<%", "%>", "<no value>"} {
				if strings.Contains(string(text), left) {
					t.Errorf("%s has %q", file, left)
				}
			}
			if verb == "changed" && !strings.Contains(string(text), service) && !strings.Contains(string(text), model+"-exists") {
				t.Errorf("%s does not name %s or its problem", file, service)
			}
		}
	}
	routes, err := os.ReadFile(filepath.Join(root, "deploy/gateway/snippets/routes.conf"))
	if err != nil || !strings.Contains(string(routes), "\n    ~^/orders(/|$)          orders;\n") {
		t.Errorf("the route table is %s, %v", routes, err)
	}
	env, err := os.ReadFile(filepath.Join(root, "deploy/gateway/gateway.env"))
	if err != nil || !strings.Contains(string(env), "GATEWAY_ORDERS=orders:8002\n") ||
		!strings.Contains(string(env), "GATEWAY_SHIPPING=shipping:8004\n") {
		t.Errorf("the gateway's settings are %s, %v", env, err)
	}
}

func TestNamesAreRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"None":           {nil, "want one name"},
		"FlagAfterwards": {[]string{"orders", "-force"}, "want one name"},
		"UpperCase":      {[]string{"Orders"}, "is not a name"},
		"Dash":           {[]string{"back-orders"}, "is not a name"},
		"Digit":          {[]string{"orders2s"}, "is not a name"},
		"Path":           {[]string{"-model", "order", "../orders"}, "is not a name"},
		"Keyword":        {[]string{"-model", "range", "orders"}, "another meaning"},
		"Package":        {[]string{"-model", "store", "orders"}, "another meaning"},
		"Taken":          {[]string{"-model", "order", "catalog"}, "services/catalog exists already"},
		"NoPlural":       {[]string{"shipping"}, "--model"},
		"TheSame":        {[]string{"-model", "orders", "orders"}, "cannot have the same name"},
		"UnknownFlag":    {[]string{"-shade", "order", "orders"}, "not defined"},
	} {
		if _, err := scaffold(t.Context(), root, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestAnotherFolderIsRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	for name, folder := range map[string]string{"Below": filepath.Join(root, "services"), "Elsewhere": t.TempDir(), "Missing": filepath.Join(root, "none")} {
		if _, err := scaffold(t.Context(), folder, "orders"); err == nil || !strings.Contains(err.Error(), "not the root of the repository") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMissingAnchor: the error names the file and the anchor, and nothing is written.
func TestMissingAnchor(t *testing.T) {
	t.Parallel()
	root := repository(t)
	put(t, root, "deploy/gateway/gateway.env", []byte("GATEWAY_MONOLITH=monolith:8000\n"))
	_, err := scaffold(t.Context(), root, "-force", "orders")
	if err == nil || !strings.Contains(err.Error(), "deploy/gateway/gateway.env: this text occurs 0 times") ||
		!strings.Contains(err.Error(), "GATEWAY_CATALOG=catalog:8001") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "services/orders")); err == nil {
		t.Error("the service was written")
	}
}

func TestUncommittedChangesAreRefused(t *testing.T) {
	t.Parallel()
	root := repository(t)
	if out, err := exec.CommandContext(t.Context(), "git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := scaffold(t.Context(), root, "orders"); err == nil || !strings.Contains(err.Error(), "uncommitted changes") {
		t.Errorf("error %v", err)
	}
	if _, err := scaffold(t.Context(), root, "-force", "orders"); err != nil {
		t.Error(err)
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for singular, want := range map[string]string{"order": "orders", "category": "categories", "day": "days", "box": "boxes", "batch": "batches"} {
		if got := plural(singular); got != want {
			t.Errorf("plural of %s: %s, want %s", singular, got, want)
		}
	}
}
