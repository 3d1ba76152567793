package adminui

import "iter"

// Map converts what is listed, while it is read.
func Map[T any](list iter.Seq2[T, error], row func(T) Row) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for item, err := range list {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(row(item), nil) {
				return
			}
		}
	}
}

// partRows is how many items MapParts converts together.
const partRows = 100

// MapParts converts what is listed, while it is read. rows gets some items at a time, so that it can read what belongs to all of them
// with one query. It returns a row for each.
func MapParts[T any](list iter.Seq2[T, error], rows func([]T) ([]Row, error)) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var part []T
		pass := func() bool {
			if len(part) == 0 {
				return true
			}
			all, err := rows(part)
			if err != nil {
				yield(Row{}, err)
				return false
			}
			for _, row := range all {
				if !yield(row, nil) {
					return false
				}
			}
			part = part[:0]
			return true
		}
		for item, err := range list {
			if err != nil {
				yield(Row{}, err)
				return
			}
			if part = append(part, item); len(part) == partRows && !pass() {
				return
			}
		}
		pass()
	}
}

// NoRows is a list that cannot be read.
func NoRows(err error) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { yield(Row{}, err) }
}

// Converted returns the queries of a business service for the queries of lists.
func Converted[Q any](queries []Query, convert func(Query) Q) []Q {
	all := make([]Q, len(queries))
	for i, q := range queries {
		all[i] = convert(q)
	}
	return all
}
