package event

import (
	"encoding/json"
	"time"
)

// Attributes that have the same value in every event of this package.
const (
	SpecVersion     = "1.0"
	DataContentType = "application/json"
)

// Kafka header names.
const (
	HeaderContentType = "content-type"
	HeaderTraceparent = "traceparent" // W3C Trace Context
	// HeaderID has the id of the event, so that a consumer knows the event even if it cannot decode the value. The name is
	// the one that the Kafka binding of CloudEvents gives to the attribute.
	HeaderID = "ce_id"
)

// MarshalJSON implements json.Marshaler. It returns a message that Decode reads back as e. It is for tools, tests and
// simple publishers. A publisher with an AsyncAPI document may encode generated types instead.
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		SpecVersion     string          `json:"specversion"`
		ID              string          `json:"id"`
		Source          string          `json:"source"`
		Type            string          `json:"type"`
		Subject         string          `json:"subject,omitempty"`
		Time            time.Time       `json:"time"`
		DataContentType string          `json:"datacontenttype"`
		DataSchema      string          `json:"dataschema,omitempty"`
		Version         int64           `json:"aggregateversion"`
		CausationID     string          `json:"causationid,omitempty"`
		Data            json.RawMessage `json:"data,omitempty"`
	}{SpecVersion, e.ID, e.Source, e.Type, e.Subject, e.Time, DataContentType, e.DataSchema, e.Version, e.CausationID, e.Data})
}
