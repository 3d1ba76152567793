package repair_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// thing is an aggregate, as a service has it. A thing's name is unique.
type thing struct {
	Name    string `json:"name"`
	Key     string `json:"-"`
	Version int64  `json:"-"`
	Deleted bool   `json:"-"`
}

const columns = `key, version, name, deleted`

// createThings creates the table with a trigger like that of a service.
func (s *system) createThings() {
	s.Helper()
	s.exec(`CREATE TABLE thing (key text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, name text NOT NULL, deleted boolean NOT NULL);
		CREATE UNIQUE INDEX thing_name ON thing (name) WHERE NOT deleted;
		CREATE FUNCTION thing_has_event() RETURNS trigger LANGUAGE plpgsql AS $$
		DECLARE want bigint := 1;
		BEGIN
			IF TG_OP = 'UPDATE' THEN want := OLD.version + 1; END IF;
			IF NEW.version > want AND outbox_reasserts() THEN want := NEW.version; END IF;
			IF NEW.version <> want OR NOT EXISTS (SELECT FROM outbox_pending p WHERE p.key = NEW.key AND p.version = want) THEN
				RAISE EXCEPTION 'thing % changed without its event', NEW.key;
			END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER thing_has_event AFTER INSERT OR UPDATE ON thing
			DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION thing_has_event()`)
}

func (s *system) exec(statement string) {
	s.Helper()
	if _, err := s.Pool.Exec(s.Context(), statement); err != nil {
		s.Fatal(err)
	}
}

// thingModel is the model of the things, which has the topic.
func thingModel(topic string) repair.Model {
	read := func(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]event.Message, error) {
		things, err := readThings(ctx, tx, query, args...)
		var messages []event.Message
		for _, t := range things {
			messages = append(messages, t.message(topic))
		}
		return messages, err
	}
	return repair.Model{
		Topic: topic,
		Count: func(ctx context.Context, tx pgx.Tx) (n int, err error) {
			return n, tx.QueryRow(ctx, `SELECT count(*) FROM thing`).Scan(&n)
		},
		Page: func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
			return read(ctx, tx, `SELECT `+columns+` FROM thing WHERE key > $1 ORDER BY key LIMIT $2 FOR NO KEY UPDATE`, after, limit)
		},
		Raise: func(ctx context.Context, tx pgx.Tx, published []repair.Published) ([]event.Message, error) {
			keys, versions := repair.Keys(published)
			return read(ctx, tx, `UPDATE thing t SET version = greatest(t.version, u.version) + 1
				FROM unnest($1::text[], $2::bigint[]) AS u (k, version) WHERE t.key = u.k RETURNING t.key, t.version, t.name, t.deleted`, keys, versions)
		},
		Rebuild: func(ctx context.Context, tx pgx.Tx, last event.Event, deleted bool) (event.Message, error) {
			var t thing
			if err := strictjson.Unmarshal(last.Data, &t); err != nil || !strings.HasPrefix(last.Type, "thing.") {
				return event.Message{}, repair.ErrUnfit
			}
			if last.Type == "thing.deleted.v1" {
				return event.Message{}, nil
			}
			t.Key, t.Version, t.Deleted = last.Subject, last.Version+1, deleted
			_, err := tx.Exec(ctx, `INSERT INTO thing VALUES ($1, $2, $3, $4)`, t.Key, t.Version, t.Name, t.Deleted)
			return t.message(topic), err
		},
	}
}

func readThings(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]thing, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t thing, err error) {
		return t, row.Scan(&t.Key, &t.Version, &t.Name, &t.Deleted)
	})
}

func (t thing) message(topic string) event.Message {
	m := event.Message{ID: uuid.Must(uuid.NewV7()), Topic: topic, Key: t.Key, Version: t.Version, Type: "thing.changed.v1"}
	if t.Deleted {
		m.Type = "thing.deleted.v1"
	}
	data, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	m.Payload, err = json.Marshal(event.Event{
		ID: m.ID.String(), Source: "/things", Type: m.Type, Subject: t.Key, Time: time.Now(), Version: t.Version, Data: data,
	})
	if err != nil {
		panic(err)
	}
	return m
}

// change commits the next version of a thing with its event. The thing is created if it does not exist.
func (s *system) change(key, name string, deleted bool) error {
	err := pgx.BeginFunc(s.Context(), s.Pool, func(tx pgx.Tx) error {
		things, err := readThings(s.Context(), tx, `INSERT INTO thing AS t VALUES ($1, 1, $2, $3)
			ON CONFLICT (key) DO UPDATE SET version = t.version + 1, name = excluded.name, deleted = excluded.deleted
			RETURNING `+columns, key, name, deleted)
		if err != nil {
			return err
		}
		return outbox.Append(s.Context(), tx, things[0].message(s.model.Topic))
	})
	s.relay.Wake()
	return err
}

func (s *system) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// things returns each thing as "version name", or "version deleted".
func (s *system) things() map[string]string {
	s.Helper()
	var things []thing
	s.must(pgx.BeginFunc(s.Context(), s.Pool, func(tx pgx.Tx) (err error) {
		things, err = readThings(s.Context(), tx, `SELECT `+columns+` FROM thing`)
		return err
	}))
	got := map[string]string{}
	for _, t := range things {
		got[t.Key] = t.String()
	}
	return got
}

func (t thing) String() string {
	if t.Deleted {
		return fmt.Sprint(t.Version, " deleted")
	}
	return fmt.Sprint(t.Version, " ", t.Name)
}

// logs returns what the log says of each thing, in the order of the log.
func (s *system) logs() map[string][]string {
	s.Helper()
	got := map[string][]string{}
	for p := range event.Partitions {
		for _, r := range s.kafka.Log(s.T, broker.TopicPartition{Topic: s.model.Topic, Partition: p}) {
			e, err := event.Decode(r.Value)
			if err != nil {
				continue // the test has written it
			}
			t := thing{Version: e.Version, Deleted: e.Type == "thing.deleted.v1"}
			s.must(json.Unmarshal(e.Data, &t))
			got[string(r.Key)] = append(got[string(r.Key)], t.String())
		}
	}
	return got
}

// last returns the last event of each log.
func last(logs map[string][]string) map[string]string {
	got := map[string]string{}
	for key, log := range logs {
		got[key] = log[len(log)-1]
	}
	return got
}
