package publish

import (
	"fmt"

	"github.com/monsplit/monsplit/internal/messaging/event"
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

// toMarketData returns the public state of a market.
func toMarketData(v market.Market) messages.Market {
	return messages.Market{
		ISOCode: v.ISOCode, Name: v.Name, Version: v.Version, CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
}
