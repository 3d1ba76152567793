package adminmessages

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// counted returns a number with its unit.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// listed returns the first of some texts.
func listed(texts []string) string {
	if len(texts) <= mostPlaces {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:mostPlaces], ", "), len(texts)-mostPlaces)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
