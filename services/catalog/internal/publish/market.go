package publish

import (
	"fmt"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/messages"
)

// Market encodes an event of a market.
func Market(e market.Event) (event.Message, error) {
	v := e.Market
	m := event.Message{ID: e.ID, Topic: messages.TopicMarket, Key: v.ISOCode, Version: v.Version}
	var message any
	switch at := e.Time.UTC(); e.Kind {
	case market.Created:
		m.Type = messages.TypeMarketCreated
		message = messages.NewMarketCreatedEvent(e.ID, v.ISOCode, at, v.Version, toMarketData(v))
	case market.Updated:
		m.Type = messages.TypeMarketUpdated
		message = messages.NewMarketUpdatedEvent(e.ID, v.ISOCode, at, v.Version, toMarketData(v))
	case market.Deleted:
		m.Type = messages.TypeMarketDeleted
		message = messages.NewMarketDeletedEvent(e.ID, v.ISOCode, at, v.Version, messages.MarketRef{ISOCode: v.ISOCode})
	default:
		return event.Message{}, fmt.Errorf("no message for a market event of kind %q", e.Kind)
	}
	return encoded(m, message)
}

// ReadMarket is the reverse of Market, for a database that has lost the market. An event of a deleted market has only the code.
func ReadMarket(e event.Event) (market.Market, error) {
	switch e.Type {
	case messages.TypeMarketCreated, messages.TypeMarketUpdated:
		var data messages.Market
		err := strictjson.Unmarshal(e.Data, &data)
		return fromMarketData(data), err
	case messages.TypeMarketDeleted:
		var data messages.MarketRef
		err := strictjson.Unmarshal(e.Data, &data)
		return market.Market{
			Draft: market.Draft{ISOCode: data.ISOCode}, Deleted: true, Version: e.Version, CreatedAt: e.Time, UpdatedAt: e.Time,
		}, err
	default:
		return market.Market{}, fmt.Errorf("no event of a market has the type %s", e.Type)
	}
}

func fromMarketData(m messages.Market) market.Market {
	return market.Market{
		Draft: market.Draft{ISOCode: m.ISOCode, Name: m.Name}, Version: m.Version, CreatedAt: m.CreatedAt.UTC(), UpdatedAt: m.UpdatedAt.UTC(),
	}
}

// toMarketData returns the public state of a market.
func toMarketData(v market.Market) messages.Market {
	return messages.Market{
		ISOCode: v.ISOCode, Name: v.Name, Version: v.Version, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
}
