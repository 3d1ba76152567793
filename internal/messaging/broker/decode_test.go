package broker //nolint:testpackage // looks into what is sent

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go/compress"
)

// Compaction leaves batches with fewer records than offsets, and batches without records.
func TestCompactedBatchesAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	batch := func(base int64, values ...string) []byte {
		var records []Record
		for _, v := range values {
			records = append(records, Record{Value: []byte(v)})
		}
		b, err := EncodeBatch(TopicPartition{}, ProducerSession{}, 0, records)
		if err != nil {
			t.Fatal(err)
		}
		out := b.bytes[sizeLength:]
		binary.BigEndian.PutUint64(out, uint64(base))
		return out
	}
	change := func(b []byte, f func([]byte)) []byte {
		f(b)
		binary.BigEndian.PutUint32(b[offsetOfChecksum:], checksum(b))
		return b
	}
	short := change(batch(10, "a", "b"), func(b []byte) { binary.BigEndian.PutUint32(b[offsetOfLastDelta:], 9) })
	empty := change(batch(20, "gone")[:headerBytes], func(b []byte) {
		binary.BigEndian.PutUint32(b[offsetOfLength:], headerBytes-lengthCountsFrom)
		binary.BigEndian.PutUint32(b[offsetOfLastDelta:], 4)
		binary.BigEndian.PutUint32(b[offsetOfCount:], 0)
	})
	control := change(batch(25, "mark"), func(b []byte) { b[offsetOfAttributes+1] |= attributeControl })
	last := batch(26, "c", "d")
	log := slices.Concat(short, empty, control, last)
	for from, want := range map[int64]string{
		0: "[10 a] [11 b] [26 c] [27 d] 28", 11: "[11 b] [26 c] [27 d] 28", 13: "[26 c] [27 d] 28", 27: "[27 d] 28",
	} {
		if got := describe(t, log, from); got != want {
			t.Errorf("from %d: %s, want %s", from, got, want)
		}
	}
	for _, cut := range []int{0, 5, headerBytes - 1, len(last) - 1} {
		if got := describe(t, slices.Concat(short, empty, last[:cut]), 0); got != "[10 a] [11 b] 25" {
			t.Errorf("cut to %d: %s", cut, got)
		}
	}
	if got := describe(t, short, 12); got != "20" {
		t.Errorf("the end of a compacted batch: %s", got)
	}
	broken := slices.Clone(last)
	broken[len(broken)-1]++
	if d, err := decodeBatches(slices.Concat(short, broken), 0, math.MaxInt); err == nil || d.next != 20 {
		t.Errorf("a broken batch: %+v, %v", d, err)
	}
}

// A batch may decompress to many times its size, and millions of empty records use many times that memory. So it is read in
// parts.
func TestDecodeBatchesTakesWhatFits(t *testing.T) {
	t.Parallel()
	const many = 100_000
	b, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 1}, 0, make([]Record, many))
	if err != nil {
		t.Fatal(err)
	}
	log := deflated(t, b.bytes[sizeLength:])
	if len(log) > 64<<10 {
		t.Fatalf("%d bytes are not few", len(log))
	}
	var from int64
	for parts := 0; from < many; parts++ {
		d, err := decodeBatches(log, from, 1<<20)
		if err != nil || len(d.records) == 0 || len(d.records) > 1<<20/recordMemory || parts > many {
			t.Fatalf("part %d from %d: %d records to %d, %v", parts, from, len(d.records), d.next, err)
		}
		for i, r := range d.records {
			if r.Offset != from+int64(i) {
				t.Fatalf("offset %d where %d is due", r.Offset, from+int64(i))
			}
		}
		from = d.next
	}
}

func TestDecodeBatchesPassesHeadersOver(t *testing.T) {
	t.Parallel()
	b, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 1}, 0,
		[]Record{{Value: []byte("v"), Headers: make([]Header, 3*maxHeaders)}, {Value: []byte("w")}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := decodeBatches(b.bytes[sizeLength:], 0, math.MaxInt)
	if err != nil || len(d.records) != 2 || len(d.records[0].Headers) != maxHeaders || string(d.records[1].Value) != "w" {
		t.Errorf("%d records, %v", len(d.records), err)
	}
}

// A batch whose checksum is right, but whose records cannot be read, came from its producer like this. It becomes one record with
// its first bytes, and the batches behind it are read.
func TestDecodeBatchesPassesUnreadableBatches(t *testing.T) {
	t.Parallel()
	encode := func(records ...Record) []byte {
		b, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 1}, 0, records)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(b.bytes[sizeLength:])
	}
	signed := func(batch []byte) []byte {
		binary.BigEndian.PutUint32(batch[offsetOfChecksum:], checksum(batch))
		return batch
	}
	three := func() []byte {
		return encode(Record{Value: []byte("a")}, Record{Value: []byte("b")}, Record{Value: []byte("c")})
	}
	codec := three()
	codec[offsetOfAttributes+1] = 7
	cut := deflated(t, three())
	cut[len(cut)-1] ^= 0xff
	malformed := three()
	malformed[len(malformed)-3] = 0x7f // the length of the value of the last record
	for name, c := range map[string]struct {
		batch []byte
		first int64 // the offset from which on the batch cannot be read
	}{
		"unknown compression": {signed(codec), 0},
		"cannot be expanded":  {signed(cut), 0},
		"too large":           {deflated(t, encode(Record{Value: make([]byte, maxDecompressed)})), 0},
		"malformed record":    {signed(malformed), 2},
	} {
		behind := encode(Record{Value: []byte("behind")})
		binary.BigEndian.PutUint64(behind, 3)
		if name == "too large" {
			binary.BigEndian.PutUint64(behind, 1)
		}
		for from := range c.first + 1 { // also when an earlier part of the batch was applied
			d, err := decodeBatches(slices.Concat(c.batch, behind), from, math.MaxInt)
			n := len(d.records)
			if err != nil || n != int(c.first-from)+2 || string(d.records[n-1].Value) != "behind" || d.next != d.records[n-1].Offset+1 {
				t.Errorf("%s from %d: %d records to %d, %v", name, from, n, d.next, err)
				continue
			}
			u := d.records[n-2]
			if u.Unreadable == nil || u.Offset != c.first || u.Next() != d.records[n-1].Offset || !bytes.HasPrefix(c.batch, u.Value) || u.Key != nil {
				t.Errorf("%s from %d: offset %d, next %d, %v", name, from, u.Offset, u.Next(), u.Unreadable)
			}
		}
	}
}

// deflated returns a batch as a producer with compression would send it.
func deflated(t *testing.T, batch []byte) []byte {
	t.Helper()
	var body bytes.Buffer
	z := compress.Zstd.Codec().NewWriter(&body)
	if _, err := z.Write(batch[headerBytes:]); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := slices.Concat(batch[:headerBytes], body.Bytes())
	big := binary.BigEndian
	big.PutUint32(out[offsetOfLength:], uint32(len(out)-lengthCountsFrom))
	big.PutUint16(out[offsetOfAttributes:], uint16(compress.Zstd))
	big.PutUint32(out[offsetOfChecksum:], checksum(out))
	return out
}

func describe(t *testing.T, log []byte, from int64) (out string) {
	t.Helper()
	d, err := decodeBatches(log, from, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.records {
		out += fmt.Sprintf("[%d %s] ", r.Offset, r.Value)
	}
	return out + fmt.Sprint(d.next)
}
