package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Operator is the person who runs a command.
type Operator struct {
	By     string // who; never empty
	Reason string // why; may be empty only for commands that say so
}

// mostText is the maximum length of a text of an operator, in bytes.
const mostText = 1000

// Check returns an error with every fault of the texts, each in a line. A reason is required if the command needs one.
func (o Operator) Check(needsReason bool) error { return errors.Join(o.Faults(needsReason)...) }

// Faults returns the faults of the texts one by one. Each begins with the name of the text: "by" or "reason".
func (o Operator) Faults(needsReason bool) (faults []error) {
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New(text))
		}
	}
	fault(strings.TrimSpace(o.By) == "", "by has to say who does it")
	fault(needsReason && strings.TrimSpace(o.Reason) == "", "reason has to say why")
	fault(!printable(o.By), fmt.Sprintf("by has to be printable text of at most %d bytes", mostText))
	fault(!printable(o.Reason), fmt.Sprintf("reason has to be printable text of at most %d bytes", mostText))
	return faults
}

func printable(s string) bool {
	return len(s) <= mostText && strings.ToValidUTF8(s, "") == s &&
		strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' }) < 0
}

// Record writes what the operator changes in this transaction. detail is encoded as JSON. It returns the record's id, for
// Update.
func Record(ctx context.Context, tx pgx.Tx, o Operator, command string, detail any) (id int64, err error) {
	encoded, err := json.Marshal(detail)
	if err != nil {
		return 0, fmt.Errorf("record the command %q: %w", command, err)
	}
	id, err = messagingdb.New(tx).InsertAction(ctx, messagingdb.InsertActionParams{ByWhom: o.By, Command: command, Reason: o.Reason, Detail: encoded})
	if err != nil {
		return 0, fmt.Errorf("record the command %q: %w", command, err)
	}
	return id, nil
}

// Update replaces the detail of a record. A command that needs many transactions calls it in each of them.
func Update(ctx context.Context, tx pgx.Tx, id int64, detail any) error {
	encoded, err := json.Marshal(detail)
	if err == nil {
		err = messagingdb.New(tx).UpdateAction(ctx, encoded, id)
	}
	if err != nil {
		return fmt.Errorf("record the progress of the command: %w", err)
	}
	return nil
}

// Begin writes a record in a transaction of its own, for work that goes on in the background. Report tells how far it is.
func Begin(ctx context.Context, pool *pgxpool.Pool, o Operator, command string, detail any) (id int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		id, err = Record(ctx, tx, o, command, detail)
		return err
	})
	return id, err
}

// Report replaces the detail of a record in a transaction of its own.
func Report(ctx context.Context, pool *pgxpool.Pool, id int64, detail any) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return Update(ctx, tx, id, detail) })
}

// Action is a record of what an operator has changed.
type Action struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Command string          `json:"command"`
	Reason  string          `json:"reason"`
	Detail  json.RawMessage `json:"detail"`
}

// Filter selects records.
type Filter struct {
	Before int64 // only records with a lower id; for the next page, the last id of this one; 0 for the first page
	Limit  int
}

// List returns records, newest first.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Action, error) {
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	rows, err := messagingdb.New(pool).ListActions(ctx, f.Before, int32(f.Limit))
	if err != nil {
		return nil, fmt.Errorf("list what operators have changed: %w", err)
	}
	actions := make([]Action, len(rows))
	for i, r := range rows {
		actions[i] = Action{ID: r.ID, At: r.At.UTC(), By: r.ByWhom, Command: r.Command, Reason: r.Reason, Detail: r.Detail}
	}
	return actions, nil
}
