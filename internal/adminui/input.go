package adminui

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
)

// What the buttons of a form do. The names of the search buttons are those of the fields.
const (
	buttonDo     = "do"
	doSave       = "save"
	doAnother    = "another"
	doContinue   = "continue"
	buttonFind   = "find"
	prefixFind   = "find."
	prefixWas    = "was."
	inputVersion = "version"
	inputChoose  = "choose" // the fields about which a person has to decide
	maxFound     = 400      // the longest search of a picker, in bytes
)

// input is what a person has entered into a form.
type input struct {
	values, was Values
	search      map[string]string
	version     int64
	button      string
	list        url.Values // from which the person has come
	undecided   bool       // a field is missing about which the person had to decide
	find        string     // the field in which the person searches
}

// read reads a form.
func (r *Resource) read(req *http.Request) (input, error) {
	if err := req.ParseForm(); err != nil {
		return input{}, apperr.New(apperr.Malformed, "The form cannot be read.").Because(err)
	}
	form := req.PostForm
	in := input{values: Values{}, was: Values{}, search: map[string]string{}, button: form.Get(buttonDo), find: form.Get(buttonFind), list: r.readList(form.Get(paramList))}
	in.version, _ = strconv.ParseInt(form.Get(inputVersion), 10, 64) // 0 is no version
	for _, f := range r.Fields {
		in.values[f.Name], in.was[f.Name] = strings.ReplaceAll(form.Get(f.Name), "\r\n", "\n"), form.Get(prefixWas+f.Name)
		if f.Kind != PickField {
			continue
		}
		// Without a script, the Enter key in the search of an empty field saves the form.
		if in.search[f.Name] = clean(form.Get(prefixFind + f.Name)); in.search[f.Name] != "" && in.values[f.Name] == "" && in.find == "" {
			in.find = f.Name
		}
	}
	in.undecided = undecided(form)
	return in, nil
}

func undecided(form url.Values) bool {
	for _, name := range form[inputChoose] {
		if !form.Has(name) {
			return true
		}
	}
	return false
}

// clean returns a text that can be searched.
func clean(text string) string {
	text = strings.ToValidUTF8(strings.TrimSpace(strings.ReplaceAll(text, "\x00", "")), "")
	if len(text) > maxFound {
		return ""
	}
	return text
}

// dates returns an error if a date is not a day.
func (r *Resource) dates(values Values) error {
	var faults []apperr.FieldError
	for _, f := range r.Fields {
		if f.Kind != DateField || values[f.Name] == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, values[f.Name]); err != nil {
			faults = append(faults, apperr.FieldError{Pointer: "/" + f.Name, Detail: "must be a day such as 2026-03-01"})
		}
	}
	return apperr.InvalidFields("A date cannot be read.", faults...)
}
