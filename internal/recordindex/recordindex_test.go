package recordindex_test

import (
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/recordindex"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	var x recordindex.Index
	if _, found := x.Find("a"); found {
		t.Error("an empty index finds a key")
	}
	x.Add(3, "a", "bc")
	x.Add(4, "ab", "c")
	x.Add(5, "a", "bc") // the first keeps it
	for want, key := range map[int][]string{3: {"a", "bc"}, 4: {"ab", "c"}} {
		if i, found := x.Find(key...); !found || i != want {
			t.Errorf("%q: %d, %t", key, i, found)
		}
	}
	if i, found := x.Find("abc"); found {
		t.Errorf("a key that nobody has: %d", i)
	}
}

func TestChunks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, recordindex.Chunk, recordindex.Chunk + 1, 2*recordindex.Chunk + 5} {
		all := make([]string, n)
		seen, parts := 0, 0
		for part := range recordindex.Chunks(slices.All(all)) {
			parts++
			for _, one := range part {
				if one.I != seen {
					t.Fatalf("record %d comes as %d", seen, one.I)
				}
				seen++
			}
		}
		if seen != n || parts != (n+recordindex.Chunk-1)/recordindex.Chunk {
			t.Errorf("%d records: %d in %d parts", n, seen, parts)
		}
	}
	for part := range recordindex.Chunks(slices.All(make([]int, 3*recordindex.Chunk))) {
		if len(part) != recordindex.Chunk {
			t.Errorf("the first part has %d", len(part))
		}
		break
	}
}
