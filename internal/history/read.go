package history

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	historydb "github.com/monsplit/monsplit/internal/history/db"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Version is a version of an object, and the change that led to it.
type Version struct {
	ID      int64     `json:"-"` // for Reader.List
	Version int64     `json:"version"`
	Kind    string    `json:"kind"`
	Time    time.Time `json:"time"`
	Actor   Actor     `json:"actor"`
	Cause   string    `json:"cause,omitempty"` // the id of the request or event that led to the change
	EventID uuid.UUID `json:"event_id"`
	Fields  []Field   `json:"fields"`
}

// Reader reads the history.
type Reader struct{ pool postgres.DB }

// NewReader returns a Reader of a database.
func NewReader(pool postgres.DB) *Reader { return &Reader{pool} }

// Newest is the place before all versions, for Reader.List.
const Newest int64 = math.MaxInt64

// storable reports whether the database can have the text.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// List returns at most limit versions of an object, the newest first. before is the ID of the last one that the caller has, or
// Newest.
func (r *Reader) List(ctx context.Context, o Object, before int64, limit int) ([]Version, error) {
	if !storable(o.Model) || !storable(o.Key) {
		return nil, nil
	}
	rows, err := historydb.New(r.pool).ListChanges(ctx, historydb.ListChangesParams{
		Model: o.Model, Key: o.Key, Before: before, MaxRows: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("read the history of %s %s: %w", o.Model, o.Key, err)
	}
	list := make([]Version, len(rows))
	for i, row := range rows {
		list[i] = Version{
			ID: row.ID, Version: row.Version, Kind: row.Kind, Time: row.ChangedAt.UTC(), Actor: Actor{row.ActorKind, row.Actor},
			Cause: row.Cause, EventID: row.EventID,
		}
		if err := strictjson.Unmarshal(row.Fields, &list[i].Fields); err != nil {
			return nil, fmt.Errorf("decode version %d of %s %s: %w", row.Version, o.Model, o.Key, err)
		}
	}
	return list, nil
}
