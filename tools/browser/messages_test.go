package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// messages finds out why an event is not sent and mends it, without scripts and on a small screen.
func messages(t *testing.T, at services) {
	base := at["monolith"] + "/admin"
	b := signedIn(t, base, 320)
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	b.open(base+"/messages/relay/pause?topic=monsplit.product.v1", "#reason")
	b.shows("Pause publishing monsplit.product.v1?", "What follows")
	b.do(chromedp.SendKeys("#reason", "a try"), chromedp.Click("button.danger"), chromedp.WaitVisible(".note"))
	b.shows("Publishing monsplit.product.v1 is paused.", "a try (admin)")
	b.open(base, ".needs")
	b.shows("Sending is paused.")
	b.do(chromedp.Click(".needs a"), chromedp.WaitVisible("a[href*='/relay/resume?topic=']"), chromedp.Click("a[href*='/relay/resume?topic=']"),
		chromedp.WaitVisible("button.main"), chromedp.Click("button.main"), chromedp.WaitVisible(".note"))
	b.shows("Publishing monsplit.product.v1 goes on.")
	b.open(base+"/messages/audit", "details")
	b.do(chromedp.Click("summary"), chromedp.WaitVisible("details[open] pre"))
	b.shows("outbox resume", "outbox pause", "a try")
	b.quiet("messages")
}
