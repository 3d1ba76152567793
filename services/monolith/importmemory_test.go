package monolith_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/bulkimport"
)

// productFile is a file of many products with long names. It is never in memory.
type productFile struct {
	head, tail string
	product    func(i int, id uuid.UUID, name, category string) string
	size       int

	next int
	rest []byte
}

func (f *productFile) Seek(int64, int) (int64, error) {
	f.next, f.rest = 0, []byte(f.head)
	return 0, nil
}

func (f *productFile) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		switch {
		case f.next < f.size:
			f.rest = []byte(f.line(f.next))
		case f.next == f.size && f.tail != "":
			f.rest = []byte(f.tail)
		default:
			return 0, io.EOF
		}
		f.next++
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// line returns the text of a product. The last one has the name of the first one, so that nothing is written.
func (f *productFile) line(i int) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], uint64(i+1))
	name := i % (f.size - 1)
	return f.product(i, id, fmt.Sprintf("Product %092d", name), fmt.Sprintf("Category %016d", name))
}

// The checks of an import keep a few bytes of each product, and not its text and its values.
func TestChecksAreNotInMemory(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	const size = 20_000
	for name, tt := range map[string]struct { //nolint:paralleltest // as above
		format bulkimport.Format
		header int // lines
		file   *productFile
	}{
		"CSV": {bulkimport.CSV, 1, &productFile{size: size, head: "product_uuid,name,product_category\n", product: func(_ int, id uuid.UUID, name, category string) string {
			return id.String() + "," + name + "," + category + "\n"
		}}},
		"JSON": {bulkimport.JSON, 0, &productFile{size: size, head: "[", tail: "]", product: func(i int, id uuid.UUID, name, category string) string {
			return fmt.Sprintf("%s{\"product_uuid\":%q,\"name\":%q,\"product_category\":%q}\n", strings.Repeat(",", min(i, 1)), id, name, category)
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			products := productImporter(t)
			in, err := bulkimport.Read("in", tt.file, tt.format, products.Columns)
			if err != nil {
				t.Fatal(err)
			}
			before, most := heap(), int64(0)
			looks := 0
			_, err = products.Run(t.Context(), in, func(p bulkimport.Progress) {
				if p.Done%(size/4) == 0 {
					looks++
					most = max(most, heap()-before)
				}
			})
			if want := fmt.Sprintf("in:%d: name: appears twice, first in line %d", size+tt.header, 1+tt.header); err == nil || err.Error() != want {
				t.Errorf("error %.300v, want %s", err, want)
			}
			if limit := int64(size * 120); looks != 12 || most > limit {
				t.Errorf("%d bytes for %d products in %d looks, more than %d", most, size, looks, limit)
			}
		})
	}
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
