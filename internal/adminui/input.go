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
	deletes     bool       // there is no thing any more to which a note could lead
	find        string     // the field in which the person searches
}

// withForm returns a handler that reads the form of each request into PostForm. The query is not part of the form, so a fault in
// the query does not matter.
func (s *site) withForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Form = url.Values{} // otherwise ParseForm reads the query too
		if err := r.ParseForm(); err != nil {
			s.fail(w, r, apperr.New(apperr.Malformed, "The form cannot be read. Nothing was changed.").Because(err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// read returns what a form has.
func (r *Resource) read(form url.Values) input {
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
	return in
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
