package keyset

import "iter"

// Page is how many rows Pages reads at a time.
const Page = 500

// Pages yields up to limit rows behind after (nil: from the start; limit 0: all), reading Page of them at a time. An
// error is the last pair. Between two reads nothing is held: a caller who takes a list slowly keeps no connection of
// the database from others. A row that is changed meanwhile so that it moves in the order may be seen twice or not.
func Pages[T, P any](
	limit int, after *P, position func(T) P, read func(after *P, limit int) ([]T, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		after, left := after, limit // the sequence may be ranged over again
		for {
			size := Page
			if limit > 0 {
				size = min(size, left)
			}
			rows, err := read(after, size)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if left -= len(rows); len(rows) < size || left == 0 {
				return
			}
			last := position(rows[len(rows)-1])
			after = &last
		}
	}
}
