package adminui

import (
	"context"
	"iter"
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

// FixedChoices is a function for Filter.Choices, whose choices are always the same.
func FixedChoices(choices ...Choice) func(context.Context) ([]Choice, error) {
	return func(context.Context) ([]Choice, error) { return choices, nil }
}

// NameChoices returns names as choices: their values are the names themselves.
func NameChoices(names []string) []Choice {
	choices := make([]Choice, len(names))
	for i, name := range names {
		choices[i] = Choice{Value: name, Title: name}
	}
	return choices
}
