package repair

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Model is a model that a service owns, as Republish and Reassert see it. Keys are in the order of their bytes.
type Model struct {
	Topic string
	// Count returns the number of aggregates, deleted ones included.
	Count func(ctx context.Context, tx pgx.Tx) (int, error)
	// Page locks the aggregates with the next keys after the given one, at most limit. It returns each as an event of its
	// current version with its current state, deleted ones too, in the order of the keys.
	Page func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error)
	// Raise gives each aggregate that the database has the version after the present and the published one, whichever is higher.
	// It returns events of the new versions, in any order.
	Raise func(ctx context.Context, tx pgx.Tx, published []Published) ([]event.Message, error)
	// Rebuild inserts an aggregate that the database has lost, with the state of its last event and the next version. With
	// deleted, the aggregate is deleted. It returns the event of the new version. The event has no type if nothing has to be
	// done: the aggregate is deleted already, and its key never comes back. It fails with ErrUnfit if the event is not one of
	// the model.
	Rebuild func(ctx context.Context, tx pgx.Tx, last event.Event, deleted bool) (event.Message, error)
}

// ErrUnfit is what Model.Rebuild returns for an event that is not one of the model.
var ErrUnfit = errors.New("the event is not one of this model")

// Published is the highest version of an aggregate in the log.
type Published struct {
	Key     string
	Version int64
}

// Progress is told how far a long command is. It may be nil.
type Progress func(done, total int)

func (p Progress) tell(done, total int) {
	if p != nil {
		p(done, total)
	}
}

// Keys returns the keys and the versions as columns.
func Keys(published []Published) (keys []string, versions []int64) {
	for _, p := range published {
		keys, versions = append(keys, p.Key), append(versions, p.Version)
	}
	return keys, versions
}

// UUIDs is Keys for a model whose keys are UUIDs. It leaves out other keys.
func UUIDs(published []Published) (ids []uuid.UUID, versions []int64) {
	for _, p := range published {
		if id, err := uuid.Parse(p.Key); err == nil {
			ids, versions = append(ids, id), append(versions, p.Version)
		}
	}
	return ids, versions
}

// UUIDAfter returns the key after which a page begins, for a model whose keys are UUIDs. Without one, it is uuid.Nil.
func UUIDAfter(key string) (uuid.UUID, error) {
	if key == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(key)
}

// Encode returns each row as an event of its current version.
func Encode[R any](rows []R, encode func(R) (event.Message, error)) ([]event.Message, error) {
	messages := make([]event.Message, len(rows))
	for i, row := range rows {
		m, err := encode(row)
		if err != nil {
			return nil, err
		}
		messages[i] = m
	}
	return messages, nil
}
