package adminpages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// get returns the copy of an entry, and what became of the last request about it. If its creation is pending or was refused,
// there is no copy: then it returns the entry as it was asked for.
func (p entryPages) get(ctx context.Context, id string) (adminui.Item, error) {
	n, err := adminui.ParseNumber(id, "entry")
	if err != nil {
		return adminui.Item{}, err
	}
	latest, found, err := p.Changes.Latest(ctx, n)
	if err != nil {
		return adminui.Item{}, err
	}
	e, missing := p.Copies.Entry(ctx, n)
	switch {
	case missing == nil:
	case apperr.KindOf(missing) != apperr.NotFound || !found || latest.Operation != catalogchange.Create || latest.State == catalogchange.Done:
		return adminui.Item{}, missing
	default:
		e = latest.Wanted
	}
	title, err := p.title(ctx, e)
	if err != nil {
		return adminui.Item{}, err
	}
	key, err := p.Copies.OwnerID(ctx, n)
	if err != nil {
		return adminui.Item{}, err
	}
	item := adminui.Item{
		ID: id, Key: key.String(), Title: title, Version: e.Version, Locked: missing != nil,
		Values: adminui.Values{
			fieldProduct: strconv.FormatInt(e.Product, 10), fieldMarket: strconv.FormatInt(e.Market, 10), fieldStart: day(e.Start), fieldEnd: day(e.End),
		},
		Facts: []adminui.Fact{
			{Name: "Number", Cell: adminui.NumberCell(n)}, {Name: "Version at the owner", Cell: adminui.NumberCell(e.Version)}, {Name: "Changed by the owner", Cell: adminui.TimeCell(e.UpdatedAt)},
		},
	}
	if item.Links, err = p.links(ctx, e); err != nil {
		return adminui.Item{}, err
	}
	if item.Locked {
		item.Facts = item.Facts[:1]
	}
	if found {
		item.Notice = notice(latest)
	}
	if item.Locked && latest.State == catalogchange.NotDone {
		again := url.Values{}
		for field, value := range item.Values {
			again.Set(field, value)
		}
		item.Links = append(item.Links, adminui.Link{Path: pathEntries + "/new?" + again.Encode(), Text: "Ask again with other values", Changes: true})
		item.Key = "" // no event of it will ever come
	}
	return item, nil
}

// links lead to the product and the market of an entry, as far as they exist: an entry that was refused does not keep them.
func (p entryPages) links(ctx context.Context, e catalogcopy.Entry) (links []adminui.Link, _ error) {
	products, err := p.Products.ByID(ctx, []int64{e.Product})
	if err != nil {
		return nil, err
	}
	if _, exists := products[e.Product]; exists {
		links = append(links, adminui.Link{Path: fmt.Sprintf("%s/%d", pathProducts, e.Product), Text: "The product"})
	}
	markets, err := marketPages{p.Copies}.byID(ctx)
	if err != nil {
		return nil, err
	}
	if _, exists := markets[e.Market]; exists {
		links = append(links, adminui.Link{Path: fmt.Sprintf("%s/%d", pathMarkets, e.Market), Text: "The market"})
	}
	return links, nil
}

// notice says what became of the last request about an entry. A request that was carried out needs no notice.
func notice(a catalogchange.Answer) string {
	what := map[catalogchange.Operation]string{
		catalogchange.Create: "The creation of this entry", catalogchange.Delete: "The deletion of this entry",
	}[a.Operation]
	if what == "" {
		what = "A change of this entry"
	}
	asked := " was asked for at " + adminui.TimeText(a.CreatedAt)
	switch {
	case a.State == catalogchange.Pending && a.Unreadable:
		return what + asked + ". It is pending: the catalog service cannot read the request. The dead letters on its admin pages say why: replay the request there after the cause is mended, or discard it."
	case a.State == catalogchange.Pending:
		return what + asked + ". It is pending: the catalog service has not decided yet."
	case a.State == catalogchange.NotDone:
		reason := refusal(*a.Outcome)
		text := what + asked + ", and was refused: " + reason.Detail
		for _, f := range reason.Fields {
			text += " " + faultText(f.Pointer, f.Detail)
		}
		return text
	}
	return ""
}

// faultText returns a fault of a field as a sentence for people.
func faultText(pointer, detail string) string {
	return adminui.Sentence(adminui.NamedByTitle(dayFields(), strings.TrimPrefix(pointer, "/")+" "+detail))
}

// refusal returns the owner's reason as an error of a form.
func refusal(o catalogchange.Outcome) *apperr.Error {
	if o.Problem == nil {
		return apperr.New(apperr.Conflict, "The catalog service got to the request after it had expired, and has not made the change.")
	}
	kind := apperr.Invalid
	switch o.Problem.Status {
	case http.StatusPreconditionFailed:
		kind = apperr.Stale
	case http.StatusConflict:
		kind = apperr.Conflict
	case http.StatusNotFound:
		kind = apperr.NotFound
	}
	e := apperr.New(kind, o.Problem.Detail)
	for _, f := range o.Problem.Faults {
		e.Fields = append(e.Fields, apperr.FieldError(f))
	}
	return e
}

// outcome waits for the owner's decision about a request. err is the error of sending it.
func (p entryPages) outcome(ctx context.Context, sent catalogchange.Request, err error, done string) (adminui.Saved, error) {
	if err != nil {
		return adminui.Saved{}, err
	}
	var a catalogchange.Answer
	err = httpserver.Pause(ctx, p.Wait, func(ctx context.Context) (err error) {
		a, err = p.Changes.Await(ctx, sent)
		return err
	})
	saved := adminui.Saved{ID: strconv.FormatInt(sent.Wanted.ID, 10), Note: "The entry is " + done + ": the catalog service has made the change."}
	switch {
	case err != nil:
		return adminui.Saved{}, err
	case a.State == catalogchange.NotDone:
		return adminui.Saved{}, refusal(*a.Outcome)
	case a.State == catalogchange.Pending:
		saved.Pending, saved.Note = true, "The catalog service has the request, but has not answered yet. This page shows what becomes of it."
	}
	return saved, nil
}

func (p entryPages) create(ctx context.Context, v adminui.Values) (adminui.Saved, error) {
	var faults []apperr.FieldError
	product, err := adminui.ParseNumber(v[fieldProduct], "product")
	if err != nil {
		faults = append(faults, apperr.FieldError{Pointer: "/" + fieldProduct, Detail: "must be chosen"})
	}
	market, err := adminui.ParseNumber(v[fieldMarket], "market")
	if err != nil {
		faults = append(faults, apperr.FieldError{Pointer: "/" + fieldMarket, Detail: "must be chosen"})
	}
	if err := apperr.InvalidFields("Something is missing.", faults...); err != nil {
		return adminui.Saved{}, err
	}
	d := dates(v)
	d.Product, d.Market = product, market
	sent, err := p.Changes.Create(ctx, d, nil)
	return p.outcome(ctx, sent, err, "created")
}

// dates returns a draft with both days. The form has checked that they are days, or empty.
func dates(v adminui.Values) catalogchange.Draft {
	read := func(field string) catalogchange.Date {
		d := catalogchange.Date{Sent: true}
		if day, err := time.Parse(time.DateOnly, v[field]); err == nil {
			d.Day = &day
		}
		return d
	}
	return catalogchange.Draft{Start: read(fieldStart), End: read(fieldEnd)}
}

func (p entryPages) change(ctx context.Context, id string, version int64, v adminui.Values) (adminui.Saved, error) {
	n, err := adminui.ParseNumber(id, "entry")
	if err != nil {
		return adminui.Saved{}, err
	}
	sent, err := p.Changes.Patch(ctx, n, dates(v), condition.At(version), nil)
	return p.outcome(ctx, sent, err, "saved")
}

func (p entryPages) delete(ctx context.Context, id string, version int64) (adminui.Saved, error) {
	n, err := adminui.ParseNumber(id, "entry")
	if err != nil {
		return adminui.Saved{}, err
	}
	sent, err := p.Changes.Delete(ctx, n, condition.At(version), nil)
	return p.outcome(ctx, sent, err, "deleted")
}

// requestDeletion does not wait for the decision, so that one action can ask for many.
func (p entryPages) requestDeletion(ctx context.Context, id string, version int64) error {
	n, err := adminui.ParseNumber(id, "entry")
	if err != nil {
		return err
	}
	_, err = p.Changes.Delete(ctx, n, condition.At(version), nil)
	return err
}
