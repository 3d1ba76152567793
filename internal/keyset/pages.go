package keyset

import "iter"

// Page is the number of rows that Pages reads at a time.
const Page = 500

// Pages yields up to limit rows after the position after. Nil starts at the beginning, and limit 0 yields all rows. Pages
// reads at most Page rows at a time. An error is the last pair. Pages holds nothing between two reads, so a slow caller
// does not occupy a database connection. If a row is changed in the meantime and moves in the order, it may be seen twice
// or not at all.
func Pages[T, P any](
	limit int, after *P, position func(T) P, read func(after *P, limit int) ([]T, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		after, left := after, limit // copies, because the sequence may be iterated more than once
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
