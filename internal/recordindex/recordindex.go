// Package recordindex has what the checks of an import need to go through a million records without keeping them.
package recordindex

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math"
)

// Index knows which record of an import has which key. It keeps 16 bytes of a hash for each key, and not the key: two keys with
// the same 16 bytes do not occur in practice. The zero value is empty.
type Index struct {
	first map[[16]byte]int32
}

// Find returns the number of the record that has the key, whose parts are texts.
func (x *Index) Find(parts ...string) (i int, found bool) {
	first, found := x.first[hashOf(parts)]
	return int(first), found
}

// Add gives the key to record i, unless another record has it.
func (x *Index) Add(i int, parts ...string) {
	if i > math.MaxInt32 {
		panic("recordindex: an import has at most 2147483647 records")
	}
	if x.first == nil {
		x.first = map[[16]byte]int32{}
	}
	if key := hashOf(parts); !has(x.first, key) {
		x.first[key] = int32(i)
	}
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, found := m[key]
	return found
}

// hashOf returns the first half of the SHA-256 of the parts with their lengths.
func hashOf(parts []string) (key [16]byte) {
	var text []byte
	for _, part := range parts {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	copy(key[:], sum[:])
	return key
}

// Numbered is a record with its number in the import, counted from 0.
type Numbered[T any] struct {
	I      int
	Record T
}

// Chunk is the number of records that Chunks yields at a time: a statement for so many keys is quick.
const Chunk = 1000

// Chunks yields the records in parts of at most Chunk.
func Chunks[T any](records iter.Seq2[int, T]) iter.Seq[[]Numbered[T]] {
	return func(yield func([]Numbered[T]) bool) {
		part := make([]Numbered[T], 0, Chunk)
		for i, record := range records {
			if part = append(part, Numbered[T]{i, record}); len(part) < Chunk {
				continue
			}
			if !yield(part) {
				return
			}
			part = part[:0]
		}
		if len(part) > 0 {
			yield(part)
		}
	}
}
