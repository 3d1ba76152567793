package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// forms uses the forms of the catalog's own data, with faults, with conflicts, and for many at once; and the form of an entry in
// the monolith, which asks the catalog for the change.
func forms(t *testing.T, at services) {
	markets(t, at.admin()["catalog"])
	entryConflict(t, at.admin()["catalog"])
	entryDates(t, at.admin()["monolith"], "Delete 1 entry?", "is handed to the catalog service for deletion.")
	entryDates(t, at.admin()["catalog"], "Delete 1 entry?", "1 entry is deleted.")
}

// markets creates two markets in a row, changes one, and deletes both.
func markets(t *testing.T, base string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/markets/new", "#iso_code")
	b.do(chromedp.SendKeys("#iso_code", "netherlands"), chromedp.Click("button.main"), chromedp.WaitVisible("#iso_code-fault"), chromedp.WaitVisible("#name-fault"))
	b.heard() // the status is 422
	b.do(chromedp.Clear("#iso_code"), chromedp.SendKeys("#iso_code", "NL"), chromedp.SendKeys("#name", "Test land one"), chromedp.Click("button.main"), chromedp.WaitNotPresent("#name-fault"))
	b.heard() // the status is 409
	b.appears("#iso_code-fault", "already")
	b.do(chromedp.Clear("#iso_code"), chromedp.SendKeys("#iso_code", "QX"), chromedp.Click("button[value=another]"), chromedp.WaitVisible(note))
	b.shows("The market “Test land one” is created")
	b.do(chromedp.SendKeys("#iso_code", "QY"), chromedp.SendKeys("#name", "Test land two"), chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitReady("[name=version]"))
	b.do(chromedp.Clear("#name"), chromedp.SendKeys("#name", "Test land three"), chromedp.Click("button.main"), chromedp.WaitVisible(".list"))
	b.shows("The market “Test land three” is saved, as version 2.")
	b.open(base+"/markets?q=Test+land", "table")
	b.do(chromedp.Click("#pick-all input"))
	b.shows("2 selected")
	b.do(chromedp.Click("button[value=delete]"), chromedp.WaitVisible(".titles"))
	b.shows("Delete 2 markets?", "Test land one", "Test land three", "A market that entries use cannot be deleted.")
	b.do(chromedp.Click(".buttons button.danger"), chromedp.WaitVisible(note))
	b.shows("2 markets are deleted.", "None of the markets match.")
	b.quiet("markets")
}

// entryConflict changes both days of an entry while somebody else does, and keeps one of the own values.
func entryConflict(t *testing.T, base string) {
	b := signedIn(t, base, 320)
	b.open(base+"/entries?offer=today&sort=updated_at", "tbody a")
	b.do(chromedp.Click("tbody a"), chromedp.WaitVisible(".thing"))
	const change = `fetch(location.href, {method: 'POST', body: new URLSearchParams({version: document.querySelector('[name=version]').value,
		availability_date: '2031-01-01', availability_end_date: '2031-12-31'})}).then(r => r.status)`
	if status := ask(b, chromedp.Evaluate[int](change, chromedp.EvalAwaitPromise)); status != 200 {
		t.Fatalf("the other change is answered with %d", status)
	}
	b.do(chromedp.SetValue("#availability_date", "2031-02-02"), chromedp.SetValue("#availability_end_date", "2031-11-11"),
		chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible(".sides"))
	b.heard() // the status is 409
	b.shows("has changed in the meantime", "2031-01-01", "2031-12-31", "2031-02-02", "2031-11-11")
	b.twice("admin-conflict-of-days")
	b.do(chromedp.Click("button.main")) // the browser asks for a choice first
	b.do(chromedp.Click(`[type=radio][value="2031-02-02"]`), chromedp.Click(`[type=radio][value="2031-12-31"]`), chromedp.Click("button.main"), chromedp.WaitVisible(note))
	if days := ask(b, chromedp.Evaluate[string](`availability_date.value + '/' + availability_end_date.value`)); days != "2031-02-02/2031-12-31" {
		t.Errorf("the entry has the days %s", days)
	}
	b.quiet("conflict of an entry")
}

// entryDates gives an entry days in the wrong order, mends that, and deletes the entry from the list.
func entryDates(t *testing.T, base, title, done string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/entries?offer=today&sort=updated_at", "tbody tr:nth-of-type(3) a") // of products that are sold
	b.do(chromedp.Click("tbody tr:nth-of-type(3) a"), chromedp.WaitVisible(".thing"))
	b.do(chromedp.SetValue("#availability_date", "2030-06-02"), chromedp.SetValue("#availability_end_date", "2030-06-01"),
		chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible(".fault"))
	b.heard() // the status is 422
	b.do(chromedp.SetValue("#availability_end_date", "2030-06-30"), chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible(note))
	b.shows("is saved")
	b.open(base+"/entries?sort=-updated_at", "tbody a")
	b.do(chromedp.Click("tbody tr:first-of-type input[name=pick]"), chromedp.Click("button[value=delete]"), chromedp.WaitVisible(".titles"))
	b.shows(title, "What follows")
	b.do(chromedp.Click(".buttons button.danger"), chromedp.WaitVisible(note))
	b.shows(done)
	b.quiet("days of an entry")
}
