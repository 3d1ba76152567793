package copyrow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Digest tells apart the data of two events with the same version. It is "" if the data is not known: the row is from an
// earlier release, or was purged.
//
// It has three parts, and digests can be compared only if the first two fit:
//
//   - The version. An instance of an earlier release, or an operator, may change the row's version and leave the old digest.
//   - The form: a hash of the fields of the data, as this release of the consumer knows them. A later release may know more.
//   - A hash of the data.
type Digest string

// The sizes of the parts, in bytes.
const (
	versionSize = 8
	formSize    = 4
	hashSize    = 16
)

// noData is the form of a deletion. It can be compared with every other form.
const noData = "\x00\x00\x00\x00"

// Of returns the digest of the data of an event: a struct with only the fields that the consumer keeps, so that new members
// of the event change nothing. It is nil for a deletion. Times must be in UTC, and as precise as the owner stores them. If a
// later release reads a member of the event in another way, its field needs another name or type.
func Of(version int64, data any) Digest {
	text, err := json.Marshal(data) // the order of the members is the order of the fields
	if err != nil {
		panic(fmt.Sprintf("the data of a copy cannot be encoded: %v", err))
	}
	d := binary.BigEndian.AppendUint64(make([]byte, 0, versionSize+formSize+hashSize), uint64(version))
	d = append(d, formOf(reflect.TypeOf(data))...)
	return Digest(append(d, hash(string(text), hashSize)...))
}

var forms sync.Map // reflect.Type → string, because a hash of the fields for each event would cost more than the rest

func formOf(t reflect.Type) string {
	if t == nil {
		return noData
	}
	if known, ok := forms.Load(t); ok {
		return known.(string)
	}
	var fields strings.Builder
	for i := range t.NumField() {
		f := t.Field(i)
		fmt.Fprintf(&fields, "%s %s\n", f.Name, f.Type)
	}
	f := hash(fields.String(), formSize)
	forms.Store(t, f)
	return f
}

func hash(text string, size int) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:size])
}

func (d Digest) version() Digest { return d[:versionSize] }
func (d Digest) form() Digest    { return d[versionSize : versionSize+formSize] }

// comparable reports whether d and other can be compared.
func (d Digest) comparable(other Digest) bool {
	if d == "" || other == "" || d.version() != other.version() {
		return false
	}
	return d.form() == other.form() || d.form() == noData || other.form() == noData
}
