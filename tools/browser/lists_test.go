package browser

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// signedIn returns a tab in which the user admin has signed in, on a small screen or a large one.
func signedIn(t *testing.T, base string, width int64) *tab {
	b := newTab(t)
	b.look("light", width)
	b.open(base, "#password")
	b.signIn("admin", "pass")
	return b
}

// signIn fills in the page for the sign-in, which leads to the overview.
func (b *tab) signIn(name, password string) {
	b.Helper()
	b.do(chromedp.SendKeys("#name", name), chromedp.SendKeys("#password", password), chromedp.Click("button.main"), chromedp.WaitVisible(".cards"))
}

// text returns the text of the content.
func (b *tab) text() string {
	b.Helper()
	return ask(b, chromedp.Evaluate[string](`document.querySelector('main').innerText`))
}

// shows fails unless the page has all of these texts.
func (b *tab) shows(texts ...string) {
	b.Helper()
	all := b.text()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			b.Errorf("the page does not show %q: %s", text, all)
		}
	}
}

// press presses keys on the focused element.
func (b *tab) press(keys string) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// shortcut presses a key for a script. A key that the script takes for itself enters no text.
func (b *tab) shortcut(key string) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, event := range []input.DispatchKeyEventParams{{Type: "keyDown", Key: key, Text: key}, {Type: "keyUp", Key: key}} {
			if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, event); err != nil {
				return err
			}
		}
		return nil
	}))
}

// lists changes data on the admin pages, as people do: with the mouse, by the keyboard alone, and without scripts.
func lists(t *testing.T, at services) {
	monolith, catalog := at["monolith"]+"/admin", at["catalog"]+"/catalog/admin"
	changeProduct(t, monolith)
	bulk(t, monolith)
	byKeyboard(t, monolith)
	bulkWithoutScripts(t, monolith)
	picker(t, catalog, "Réunion", "The entry “Alder Corner Desk in Réunion” is created, as version 1.")
	picker(t, monolith, "Fiji", "The entry is created: the catalog service has made the change.")
}

// changeProduct creates a product with faults first, and then changes it while somebody else does.
func changeProduct(t *testing.T, base string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/products/new", "#name")
	b.do(chromedp.SendKeys("#product_category", strings.Repeat("x", 26)), chromedp.Click("button.main"), chromedp.WaitVisible("#name-fault"))
	b.heard() // the browser says that the status is 422
	b.shows("Must not be blank.", "at most 25 are allowed")
	b.twice("admin-faults")
	b.do(chromedp.SendKeys("#name", "Browser <b>desk</b>"), chromedp.SetValue("#product_category", "Desks"), chromedp.Click(`button[value=continue]:not(.unseen)`), chromedp.WaitVisible(".note[role=status]"))
	b.shows("The product “Browser <b>desk</b>” is created, as version 1.")
	const change = `fetch(location.href, {method: 'POST', body: new URLSearchParams({version: 1, name: 'Other desk', product_category: 'Toys'})}).then(r => r.status)`
	if status := ask(b, chromedp.Evaluate[int](change, chromedp.EvalAwaitPromise)); status != 200 {
		t.Fatalf("the other change is answered with %d", status)
	}
	b.do(chromedp.SetValue("#name", "My desk"), chromedp.Click("button.main"), chromedp.WaitVisible(".sides"))
	b.heard() // the status is 409
	b.shows("has changed in the meantime", "Now stored", "Other desk", "My desk")
	b.twice("admin-conflict")
	b.do(chromedp.Click(`input[value="My desk"]`), chromedp.Click("button.main"), chromedp.WaitVisible(".list"))
	b.shows("The product “My desk” is saved, as version 3.")
	b.quiet("a conflict")
}

// bulk discontinues selected products, and deletes all that match.
func bulk(t *testing.T, base string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/products?product_category=Toys&state=active", "table")
	b.do(chromedp.Click("#pick-all input"))
	b.shows("selected")
	b.keep("admin-selected")
	b.do(chromedp.Click("button[value=discontinue]"), chromedp.WaitVisible(".titles"))
	b.shows("What follows", "The catalog service ends the open offers")
	b.twice("admin-confirm")
	b.do(chromedp.Click("button.main"), chromedp.WaitVisible(".note[role=status]"))
	b.shows("are discontinued.", "None of the products match.")
	b.open(base+"/products?product_category=Toys", "table")
	b.do(chromedp.Click("#all"), chromedp.Click("button[value=delete]"), chromedp.WaitVisible(".buttons button.danger"))
	b.shows("These are all products that match.")
	b.do(chromedp.Click(".buttons button.danger"), chromedp.WaitVisible(".note[role=status]"))
	b.shows("are deleted.")
	b.quiet("actions")
}

// byKeyboard finds, opens and creates a product with keys alone.
func byKeyboard(t *testing.T, base string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/products", "table")
	b.shortcut("/")
	b.press("alder" + kb.Enter)
	b.do(chromedp.WaitVisible(".chip"))
	b.shows("Alder Standing Desk 120")
	b.press(kb.ArrowDown)
	b.press(kb.ArrowDown)
	first := ask(b, chromedp.Evaluate[string](`document.activeElement.innerText`))
	b.press(kb.ArrowUp + kb.ArrowDown + kb.Enter)
	b.do(chromedp.WaitVisible(".thing"))
	b.shows(first)
	b.open(base+"/products", "table")
	b.do(chromedp.Click(".keys button"))
	b.open(base+"/products", "table") // the browser remembers the choice
	b.shortcut("n")
	b.shortcut("/")
	if at := ask(b, chromedp.Evaluate[string](`document.activeElement.tagName + location.pathname`)); at != "BODY/admin/products" {
		t.Errorf("the letter keys are turned off, but lead to %s", at)
	}
	b.do(chromedp.Click(".keys button"))
	b.shortcut("n")
	b.do(chromedp.WaitVisible("#name"))
	b.do(chromedp.Focus("#name"))
	b.press("Keyboard desk" + kb.Tab + "Desks" + kb.Enter)
	b.do(chromedp.WaitVisible(".note[role=status]"))
	b.shows("The product “Keyboard desk” is created, as version 1.")
	b.quiet("the keyboard")
}

// bulkWithoutScripts discontinues selected products without scripts, on the smallest screen.
func bulkWithoutScripts(t *testing.T, base string) {
	b := signedIn(t, base, 320)
	b.do(withoutScripts)
	b.open(base+"/products?q=Keyboard", "table")
	b.do(chromedp.Click("input[name=pick]"), chromedp.Click("button[value=discontinue]"), chromedp.WaitVisible(".titles"), chromedp.Click("button.main"), chromedp.WaitVisible(".note[role=status]"))
	b.open(base+"/products?q=Keyboard", ".state")
	b.quiet("no scripts")
}

// picker searches the product and the market of an entry, and creates the entry.
func picker(t *testing.T, base, market, note string) {
	b := signedIn(t, base, 1280)
	b.open(base+"/entries/new", ".choices label")
	choose := func(field, search, title string) {
		t.Helper()
		b.do(chromedp.SendKeys("#find-"+field, search))
		b.do(chromedp.WaitVisible(fmt.Sprintf(`fieldset[data-field=%s] .choices label:only-of-type`, field)))
		b.shows(title)
		b.do(chromedp.Click(fmt.Sprintf(`input[name=%s]`, field)))
	}
	choose("product", "alder corner", "Alder Corner Desk")
	choose("market", market, market)
	b.do(chromedp.SetValue("#availability_date", "2030-03-01"))
	b.twice("admin-picker")
	b.do(chromedp.Click("button.main"), chromedp.WaitVisible(".note[role=status]"))
	b.shows(note, market)
	b.quiet("a picker")
}
