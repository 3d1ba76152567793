package oas_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
)

// A small request must not cause a large answer.
func TestAnswersStayInProportion(t *testing.T) {
	t.Parallel()
	var members []string
	for i := range 7000 {
		members = append(members, fmt.Sprintf(`"%x":1`, i))
	}
	body := `{"name":"a",` + strings.Join(members, ",") + `}`
	b := setupWith(t, document(t), oas.Config{MaxBody: 64 << 10})
	w, pointers := b.do("POST", "/things", body, "Content-Type", "application/json")
	var p httpserver.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if w.Code != 422 || len(pointers) != 50 || !strings.Contains(p.Detail, "6950 more faults") || w.Body.Len() > len(body) {
		t.Errorf("%d: %d faults, %d bytes for a body of %d bytes: %s", w.Code, len(pointers), w.Body.Len(), len(body), p.Detail)
	}
	texts := `{"name":"a","note":[` + strings.Repeat(`"\u0000",`, 60) + `0]}`
	if w, pointers = b.do("POST", "/things", texts, "Content-Type", "application/json"); len(pointers) != 50 || !strings.Contains(w.Body.String(), "10 more faults") {
		t.Errorf("%d: %d faults: %s", w.Code, len(pointers), w.Body)
	}
	query := "/things?" + strings.Repeat("a&b&c&", 300)
	if w, pointers = b.do("GET", query, ""); w.Code != 422 || len(pointers) != 3 {
		t.Errorf("%d: %d faults", w.Code, len(pointers))
	}
}
