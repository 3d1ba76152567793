package adminmessages

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// counted returns a number with its unit.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// mostListed is how many texts a sentence lists.
const mostListed = 12

// listed returns the first of some texts.
func listed(texts []string) string {
	if len(texts) <= mostListed {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:mostListed], ", "), len(texts)-mostListed)
}

// ranges returns numbers in a short form, such as "0–3, 7".
func ranges(numbers []int) string {
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	var texts []string
	for i := 0; i < len(numbers); {
		last := i
		for last+1 < len(numbers) && numbers[last+1] == numbers[last]+1 {
			last++
		}
		if text := strconv.Itoa(numbers[i]); last == i {
			texts = append(texts, text)
		} else {
			texts = append(texts, fmt.Sprintf("%s–%d", text, numbers[last]))
		}
		i = last + 1
	}
	return strings.Join(texts, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
