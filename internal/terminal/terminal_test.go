package terminal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/monsplit/monsplit/internal/terminal"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Åland 日本 👩\u200d👩": "Åland 日本 👩\u200d👩",
		"\x1b[2Jgone":       `\u001b[2Jgone`,
		"\u009b31m":         `\u009b31m`,
		"a\nb\tc\rd\x7f":    `a\u000ab\u0009c\u000dd\u007f`,
		"\u202egpj.exe":     `\u202egpj.exe`,
		"\u2066x\u2029":     `\u2066x\u2029`,
		"\U000E0041":        `\udb40\udc41`,
		"\x9b31m":           "\ufffd31m",
	} {
		if got := terminal.Line(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

// Characters may be split between writes. JSON keeps its meaning.
func TestWriter(t *testing.T) {
	t.Parallel()
	const text = "héllo\n\t日\x1b[0m\u009b\U000E0041"
	value, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ in, want string }{
		"Text": {text, "héllo\n\t日" + `\u001b[0m\u009b\udb40\udc41`},
		"JSON": {string(value), ""},
	} {
		var whole, split bytes.Buffer
		w := terminal.NewWriter(&split)
		for _, b := range []byte(tt.in) {
			if n, err := w.Write([]byte{b}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		if _, err := fmt.Fprint(terminal.NewWriter(&whole), tt.in); err != nil || whole.String() != split.String() {
			t.Errorf("%s: %q in one write, %q in many; %v", name, whole.String(), split.String(), err)
		}
		var back string
		if tt.want == "" && (json.Unmarshal(whole.Bytes(), &back) != nil || back != text) {
			t.Errorf("%s: %q is read as %q", name, whole.String(), back)
		}
		if tt.want != "" && whole.String() != tt.want {
			t.Errorf("%s: %q, want %q", name, whole.String(), tt.want)
		}
		if w.Unwrap() != any(&split) {
			t.Error("another writer below")
		}
	}
}
