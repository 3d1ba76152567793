package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hand is how a person uses a page. press follows a link, presses a button or makes a choice. fill replaces the text of an input.
type hand interface {
	press(element string)
	fill(element, text string)
}

// mouse presses what it points at.
type mouse struct{ *tab }

func (m mouse) press(element string) { m.Helper(); m.do(chromedp.Click(element)) }
func (m mouse) fill(element, text string) {
	m.Helper()
	m.do(chromedp.Clear(element), chromedp.SendKeys(element, text))
}

// keyboard goes to an element with the Tab key.
type keyboard struct{ *tab }

func (k keyboard) press(element string) {
	k.Helper()
	k.reach(element)
	key := kb.Enter
	if ask(k.tab, chromedp.Evaluate[bool](`['checkbox', 'radio'].includes(document.activeElement.type)`)) {
		key = " "
	}
	k.tab.press(key)
}

func (k keyboard) fill(element, text string) {
	k.Helper()
	k.reach(element) // this selects the old text
	k.tab.press(text)
}

// reach fails if the element cannot be reached, or if a person cannot see that it was reached.
func (k keyboard) reach(element string) {
	k.Helper()
	k.do(chromedp.WaitVisible(element))
	for range 200 {
		k.tab.press(kb.Tab)
		const script = `(() => { const e = document.activeElement; return [e.matches(%q), e === document.body || getComputedStyle(e).outlineStyle !== 'none', e.outerHTML] })()`
		at := ask(k.tab, chromedp.Evaluate[[3]any](fmt.Sprintf(script, element)))
		if at[1] != true {
			k.Errorf("the focus on %s cannot be seen", at[2])
		}
		if at[0] == true {
			return
		}
	}
	k.Fatalf("the Tab key does not lead to %s", element)
}

// tours goes the whole way once without scripts on a small screen, and once with the keyboard alone.
func tours(t *testing.T, at services) {
	t.Run("NoScripts", func(t *testing.T) {
		b := newTab(t)
		b.look("light", 320)
		b.do(withoutScripts)
		tour(b, mouse{b}, at.admin()["monolith"], "Plain tour desk")
	})
	t.Run("Keyboard", func(t *testing.T) {
		b := newTab(t)
		b.look("light", 1280)
		tour(b, keyboard{b}, at.admin()["monolith"], "Keyboard tour desk")
	})
}

// withoutScripts lets the pages run no scripts.
var withoutScripts = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return err
})

// The notes of a page, and the way to the page of one topic.
const (
	note        = `.note[role=status]`
	pauseTopic  = `a[href$="/relay/pause?topic=monsplit.product.v1"]`
	resumeTopic = `a[href$="/relay/resume?topic=monsplit.product.v1"]`
)

// tour creates, changes, offers, discontinues and deletes a product, and mends what is stuck meanwhile.
func tour(b *tab, h hand, base, product string) {
	b.open(base, "#password")
	h.fill("#name", "admin")
	h.fill("#password", "pass")
	h.press("button.main")
	b.do(chromedp.WaitVisible(".cards"))

	h.press(`nav a[href$="/products"]`)
	h.press("#new")
	h.fill("#name", product)
	h.fill("#product_category", "Desks")
	h.press("button[value=save]")
	b.noted("The product “" + product + "” is created, as version 1.")
	h.press(note + " a")
	b.do(chromedp.WaitVisible(".thing"))
	h.fill("#name", product+" 160")
	h.press("button[value=continue]:not(.unseen)")
	b.noted("The product “" + product + " 160” is saved, as version 2.")

	h.press(`aside a[href*="/entries?product="]`)
	b.do(chromedp.WaitVisible(".empty"))
	h.press("#new")
	b.do(chromedp.WaitVisible("input[name=product]:checked"))
	b.shows(product + " 160 (Desks)") // the list of the entries of this product has passed it on
	choose(b, h, "market", "Palau", "Palau (PW)")
	h.fill("#availability_date", "01012030") // the keys mean the same day in most languages
	h.press("button[value=save]")
	b.noted("The entry is created: the catalog service has made the change.")

	h.press(`nav a[href$="/messages"]`)
	h.press(`.tabs a[href$="/relay"]`)
	h.press(pauseTopic)
	b.do(chromedp.WaitVisible("#reason"))
	b.shows("Pause sending monsplit.product.v1?", "What follows")
	h.fill("#reason", "a try of "+product)
	h.press("button.danger")
	b.noted("Sending monsplit.product.v1 is paused.")
	stopsSending(b, base)
	h.press(`nav a[href$="/products"]`)
	findProduct(b, h, product)
	h.press("#discontinued")
	h.press("button[value=continue]:not(.unseen)")
	b.noted("The product “" + product + " 160” is saved, as version 3.")

	h.press(".brand")
	b.do(chromedp.WaitVisible(".needs"))
	b.shows("Sending monsplit.product.v1 is paused.")
	h.press(`nav a[href$="/messages"]`)
	b.do(chromedp.WaitVisible("#unsent"))
	b.shows("1 unsent")
	h.press(`.tabs a[href$="/relay"]`)
	b.do(chromedp.WaitVisible(resumeTopic))
	b.shows("A try of " + product + " (admin).")
	h.press(resumeTopic)
	h.press(".buttons button.main")
	b.noted("Sending monsplit.product.v1 goes on.")
	h.press(`.tabs a[href$="/audit"]`)
	h.press("summary")
	b.do(chromedp.WaitVisible("details[open] pre"))
	b.shows("outbox resume", "outbox pause", "a try of "+product)

	h.press(`nav a[href$="/products"]`)
	findProduct(b, h, product)
	h.press("aside a.danger")
	b.do(chromedp.WaitVisible(".buttons button.danger"))
	b.shows("What follows", "The catalog service deletes the entries of the product")
	h.press(".buttons button.danger")
	b.noted("The product “" + product + " 160” is deleted.")
	h.press(".leave button")
	b.do(chromedp.WaitVisible("#password"))
	b.quiet("tour")
}

// stopsSending waits until the relay has read that it is paused.
func stopsSending(b *tab, base string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	paused := regexp.MustCompile(`(?m)^\w+_outbox_standstill\{.*"paused".*\} 1$`)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		metrics, err := fetch(ctx, strings.TrimSuffix(base, "/admin")+"/metrics")
		if err != nil {
			b.Fatalf("the relay still sends: %v", err)
		}
		if paused.Match(metrics) {
			return
		}
	}
}

// fetch returns the body of an answer.
func fetch(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	return body, errors.Join(err, answer.Body.Close())
}

// noted waits for the note of the next page, and checks it.
func (b *tab) noted(text string) {
	b.Helper()
	b.do(chromedp.WaitVisible(note))
	b.shows(text)
}

// findProduct opens the page of a product from the list of all products.
func findProduct(b *tab, h hand, product string) {
	b.Helper()
	h.fill("#q", product)
	h.press(".search button")
	b.do(chromedp.WaitVisible(".chip"))
	h.press(".list tbody th a")
	b.do(chromedp.WaitVisible(".thing"))
}

// choose searches a choice of a picker, which the list of the first choices does not have.
func choose(b *tab, h hand, field, search, title string) {
	b.Helper()
	h.fill("#find-"+field, search)
	h.press("button[value=" + field + "]")
	b.do(chromedp.WaitVisible(fmt.Sprintf("fieldset[data-field=%s] .choices label:only-of-type", field)))
	b.shows(title)
	h.press(fmt.Sprintf("input[name=%s]", field))
}
