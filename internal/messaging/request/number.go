package request

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// NextNumber returns the next number of the key in the topic, from 1 without gaps, if the transaction commits. The key is
// locked until the transaction ends: other transactions that want a number of it wait.
func NextNumber(ctx context.Context, tx pgx.Tx, topic, key string) (int64, error) {
	number, err := messagingdb.New(tx).NextNumber(ctx, topic, key)
	if err != nil {
		return 0, fmt.Errorf("take the next number of %s in %s: %w", key, topic, err)
	}
	return number, nil
}

// RaiseNumbers makes NextNumber continue after the given numbers of a topic's keys. It is for a database that has lost
// commits: the topic has numbers that it gave out.
func RaiseNumbers(ctx context.Context, tx pgx.Tx, topic string, keys []string, numbers []int64) error {
	if err := messagingdb.New(tx).RaiseNumbers(ctx, topic, keys, numbers); err != nil {
		return fmt.Errorf("raise the numbers of %s: %w", topic, err)
	}
	return nil
}
