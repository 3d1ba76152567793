package store

import (
	"time"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

// The names of the models in the history.
const (
	ModelMarket = "market"
	ModelEntry  = "catalog-entry"
)

func marketObject(m market.Market) history.Object {
	return history.Object{Model: ModelMarket, Key: m.ISOCode}
}

func marketState(m market.Market) []history.Value {
	return []history.Value{{Field: "iso_code", Value: m.ISOCode}, {Field: "name", Value: m.Name}, {Field: "deleted", Value: m.Deleted}}
}

// marketChange is the change whose event is e.
func marketChange(kind string, m market.Market, at time.Time, e event.Message) history.Change {
	return history.Change{Object: marketObject(m), Kind: kind, Time: at, State: marketState(m), Event: e}
}

func entryObject(e entry.Entry) history.Object {
	return history.Object{Model: ModelEntry, Key: e.ID.String()}
}

func entryState(e entry.Entry) []history.Value {
	return []history.Value{
		{Field: "product", Value: e.Product.String()}, {Field: "market", Value: e.Market},
		{Field: "availability_date", Value: dateValue(e.Start)}, {Field: "availability_end_date", Value: dateValue(e.End)},
		{Field: "deleted", Value: e.Deleted},
	}
}

func dateValue(d entry.Date) any {
	if d.IsZero() {
		return nil
	}
	return d.String()
}

// entryChange is the change whose event is m. In a handler of products' events, it follows from the event of its product.
func entryChange(kind string, e entry.Entry, at time.Time, m event.Message) history.Change {
	return history.Change{
		Object: entryObject(e), Kind: kind, Time: at, State: entryState(e), Event: m, Follows: e.Product.String(),
	}
}
