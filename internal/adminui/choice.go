package adminui

import (
	"context"
	"iter"
	"slices"
)

// Choice is a value from which people can choose.
type Choice struct{ Value, Title string }

// MostFound is how many things a picker shows at a time.
const MostFound = 8

// Choices returns what is listed as choices.
func Choices[T any](list iter.Seq2[T, error], choice func(T) Choice) (choices []Choice, _ error) {
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		choices = append(choices, choice(item))
	}
	return choices, nil
}

// choices returns the values from which people can choose; none for a filter that only links set.
func (f Filter) choices(ctx context.Context) ([]Choice, error) {
	if f.Choices == nil {
		return f.Fixed, nil
	}
	return f.Choices(ctx)
}

// allows reports whether a value from an address can be one of the filter.
func (f Filter) allows(value string) bool {
	return f.Fixed == nil || slices.ContainsFunc(f.Fixed, func(c Choice) bool { return c.Value == value })
}

// NameChoices returns names as choices: their values are the names themselves.
func NameChoices(names []string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: name, Title: name}
	}
	return choices
}
