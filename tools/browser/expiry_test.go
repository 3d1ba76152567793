package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// expiry lets a session end while a person fills in a form. What was typed is still there after the next sign-in.
func expiry(t *testing.T, at services) {
	b := signedIn(t, at["monolith"]+"/admin", 1280)
	b.open(at["monolith"]+"/admin/products/new", "#name")
	b.do(chromedp.SendKeys("#name", "Patient <chair> & \"table\""), chromedp.SendKeys("#product_category", "Expiry"), forgetCookies,
		chromedp.Click("button[value=continue]:not(.unseen)"), chromedp.WaitVisible("#password"))
	b.heard() // the browser says that the status is 403
	b.shows("Your session has ended")
	b.complete("admin-session-ended", 1280)
	b.accessible("session ended")
	b.do(chromedp.SendKeys("#name", "admin"), chromedp.SendKeys("#password", "pass"), chromedp.Click("button.main"), chromedp.WaitVisible("a.button"))
	b.shows("You are signed in again")
	b.complete("admin-signed-in-again", 1280)
	b.accessible("signed in again")
	b.do(chromedp.Click("button.main"), chromedp.WaitVisible(".way"))
	b.shows("Patient <chair> & \"table\"", "is created, as version 1")
	b.quiet("expiry")
}

// forgetCookies lets all sessions of the browser end.
var forgetCookies = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
	return err
})
