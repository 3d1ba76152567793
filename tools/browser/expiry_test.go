package browser

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// unsent is a form that a person sends after the session has ended: what is typed into it, which button sends it, and what the
// page shows when the form is sent again. Without a result, the person discards it.
type unsent struct {
	path, button string
	typed        map[string]string
	result       string
}

// soldEntry is the path of a list. It stands for the page of the first entry there: which entries there are depends on other tests.
const soldEntry = "/entries?offer=today&sort=updated_at"

// unsents are the forms of each service.
var unsents = map[string][]unsent{
	"monolith": {
		{"/products/new", "button[value=continue]:not(.unseen)", map[string]string{"#name": "Patient <chair> & \"table\"", "#product_category": "Expiry"}, "Patient <chair> & \"table\""},
		{"/products/2", "button[value=save]", map[string]string{"#name": "Patient desk"}, "The product “Patient desk” is saved"},
		{"/products/3/delete", "button.danger", nil, "is deleted."},
		{"/products?product_category=Expiry", "button[value=discontinue]", map[string]string{"[name=pick]": ""}, "Discontinue 1 product?"},
		{soldEntry, "button[value=save]", map[string]string{"#availability_end_date": "2031-12-31"}, "The entry is saved"},
		{"/messages/relay/pause", "button.danger", map[string]string{"#reason": "a reason that nobody must type again"}, ""},
		{"/users", "form.panel button.main", map[string]string{"#name": "patient"}, "Password of patient"},
	},
	"catalog": {
		{"/markets/new", "button[value=save]", map[string]string{"#iso_code": "QZ", "#name": "Patience"}, "The market “Patience” is created"},
		{"/markets/QZ", "button[value=save]", map[string]string{"#name": "More patience"}, "The market “More patience” is saved"},
		{"/markets/QZ/delete", "button.danger", nil, "is deleted."},
	},
}

// expiry lets the session end while a person fills in each form. What was typed is still there after the next sign-in.
func expiry(t *testing.T, at services) {
	for service, base := range at.admin() {
		b := signedIn(t, base, 1280)
		for i, f := range unsents[service] {
			if f.path == soldEntry {
				b.open(base+f.path, "tbody a")
				b.do(chromedp.Click("tbody a"))
			} else {
				b.open(base+f.path, f.button)
			}
			b.do(chromedp.WaitVisible(f.button))
			for input, text := range f.typed {
				switch {
				case text == "":
					b.do(chromedp.Click(input))
				case strings.HasSuffix(input, "_date"): // the keys of a date depend on the language of the browser
					b.do(chromedp.SetValue(input, text))
				default:
					b.do(chromedp.Clear(input), chromedp.SendKeys(input, text))
				}
			}
			b.do(forgetCookies, chromedp.Click(f.button), chromedp.WaitVisible("#password"))
			b.heard() // the browser says that the status is 403
			b.shows("Your session has ended")
			first := service == "monolith" && i == 0
			if first {
				b.twice("admin-session-ended")
			}
			b.do(chromedp.SendKeys("#name", "admin"), chromedp.SendKeys("#password", "pass"), chromedp.Click("button.main"), chromedp.WaitVisible("a.button"))
			b.shows("You are signed in again")
			if first {
				b.twice("admin-signed-in-again")
			}
			for input, text := range f.typed {
				if has := ask(b, chromedp.Evaluate[bool](`[...document.querySelectorAll('main input')].some(i => i.value === `+strconv.Quote(text)+`)`)); text != "" && !has {
					t.Errorf("%s%s: %s is lost", service, f.path, input)
				}
			}
			if f.result == "" {
				b.do(chromedp.Click("a.button"), chromedp.WaitVisible(".cards"))
			} else {
				b.do(chromedp.Click("button.main"), chromedp.WaitNotPresent(".panel.small"))
				b.appears("main", regexp.QuoteMeta(f.result))
			}
			b.quiet(service + f.path)
		}
	}
}

// forgetCookies lets all sessions of the browser end.
var forgetCookies = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
	return err
})
