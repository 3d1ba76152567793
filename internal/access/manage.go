package access

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	accessdb "github.com/monsplit/monsplit/internal/access/db"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Token is what is known about a token. Its secret is not.
type Token struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Scopes    []Scope    `json:"scopes"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at"` // nil unless it was revoked
}

// State returns whether the token is valid, expired or revoked at a time.
func (t Token) State(now time.Time) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked"
	case !now.Before(t.ExpiresAt):
		return "expired"
	default:
		return "valid"
	}
}

// Draft describes a token to create.
type Draft struct {
	Name      string // who uses it; several tokens may have the same name
	Scopes    []Scope
	ExpiresAt time.Time
}

const (
	maxName   = 100                       // bytes of a name
	maxLife   = 10 * 365 * 24 * time.Hour // of a token
	maxTokens = 1000                      // valid tokens of a service: every instance keeps all of them in memory
)

// Check returns an error with every fault of the draft, each in a line.
func (d Draft) Check(now time.Time) error {
	var faults []error
	if strings.TrimSpace(d.Name) != d.Name || d.Name == "" || len(d.Name) > maxName || !printable(d.Name) {
		faults = append(faults, fmt.Errorf("the name has to be printable text of 1 to %d bytes, without spaces around it", maxName))
	}
	if !d.ExpiresAt.After(now) || d.ExpiresAt.After(now.Add(maxLife)) {
		faults = append(faults, errors.New("the expiry has to be in the future, and at most 87600h away"))
	}
	return errors.Join(faults...)
}

func printable(s string) bool {
	return strings.ToValidUTF8(s, "") == s && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// Create creates a token, and returns it with its secret. The secret cannot be read again.
func Create(ctx context.Context, pool *pgxpool.Pool, by audit.Operator, d Draft) (t Token, secret string, err error) {
	secret = newSecret()
	hash := hashOf(secret)
	err = pgtx.Run(ctx, pool, "", func(tx pgx.Tx) error {
		q := accessdb.New(tx)
		if err := q.LockTokens(ctx); err != nil {
			return err
		}
		valid, err := q.CountValidTokens(ctx)
		if err != nil {
			return err
		}
		if valid >= maxTokens {
			return fmt.Errorf("there are %d valid tokens, which is the limit: revoke some", valid)
		}
		row, err := q.InsertToken(ctx, accessdb.InsertTokenParams{Name: d.Name, Hash: hash[:], Scopes: ScopeNames(d.Scopes), ExpiresAt: d.ExpiresAt})
		if err != nil {
			return err
		}
		t = Token{ID: row.ID, Name: d.Name, Scopes: d.Scopes, CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC()}
		_, err = audit.Record(ctx, tx, by, "token create", t)
		return err
	})
	if err != nil {
		return Token{}, "", fmt.Errorf("create a token: %w", err)
	}
	return t, secret, nil
}

// Filter selects tokens.
type Filter struct {
	Before int64 // only tokens with a lower id; 0 for the first page
	Limit  int
	Ended  bool // also tokens that have expired or were revoked
}

// List returns tokens, newest first.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter) ([]Token, error) {
	if f.Before == 0 {
		f.Before = math.MaxInt64
	}
	rows, err := accessdb.New(pool).ListTokens(ctx, f.Before, f.Ended, int32(f.Limit))
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	tokens := make([]Token, len(rows))
	for i, r := range rows {
		tokens[i] = toToken(accessdb.GetTokenRow(r))
	}
	return tokens, nil
}

// ErrNoToken is the error for an id that no token has.
var ErrNoToken = errors.New("there is no such token; token list shows all of them")

// Revoke ends a token. It returns the token, and whether it was not revoked before.
func Revoke(ctx context.Context, pool *pgxpool.Pool, by audit.Operator, id int64) (t Token, changed bool, err error) {
	err = pgtx.Run(ctx, pool, "", func(tx pgx.Tx) error {
		q := accessdb.New(tx)
		row, err := q.RevokeToken(ctx, id)
		if errors.Is(err, pgx.ErrNoRows) {
			was, err := q.GetToken(ctx, id)
			t = toToken(was)
			return err
		}
		if err != nil {
			return err
		}
		t, changed = toToken(accessdb.GetTokenRow(row)), true
		_, err = audit.Record(ctx, tx, by, "token revoke", t)
		return err
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Token{}, false, fmt.Errorf("token %d: %w", id, ErrNoToken)
	case err != nil:
		return Token{}, false, fmt.Errorf("revoke a token: %w", err)
	}
	return t, changed, nil
}

func toToken(r accessdb.GetTokenRow) Token {
	t := Token{ID: r.ID, Name: r.Name, Scopes: scopesOf(r.Scopes), CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC()}
	if r.RevokedAt != nil {
		revoked := r.RevokedAt.UTC()
		t.RevokedAt = &revoked
	}
	return t
}
