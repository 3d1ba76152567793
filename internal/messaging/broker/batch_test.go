package broker //nolint:testpackage // looks into what is sent

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"pgregory.net/rapid"
)

func TestTheLibraryReadsAnEncodedBatchAsWeDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		records := recordsGenerator.Draw(t, "records")
		sequence := rapid.Int32Range(0, math.MaxInt32).Draw(t, "sequence")
		s := ProducerSession{ID: rapid.Int64Range(0, math.MaxInt64).Draw(t, "id"), Epoch: rapid.Int16Range(0, math.MaxInt16).Draw(t, "epoch")}
		b, err := EncodeBatch(TopicPartition{"t", 1}, s, sequence, records)
		if err != nil {
			t.Fatal(err)
		}
		checkBatch(t, b, s, sequence, records)
	})
}

func FuzzEncodeBatch(f *testing.F) {
	f.Add([]byte("key"), []byte("value"), "header", []byte(nil), int64(1700000000000), int64(-3))
	f.Add([]byte(nil), []byte{}, "", []byte{0}, int64(0), int64(math.MaxInt32))
	f.Fuzz(func(t *testing.T, key, value []byte, header string, headerValue []byte, millis, delta int64) {
		if max(millis, -millis) > 1<<50 || max(delta, -delta) > 1<<50 { // more than time.Time can hold in milliseconds
			return
		}
		records := []Record{
			{Key: key, Value: value, Time: time.UnixMilli(millis)},
			{Key: value, Time: time.UnixMilli(millis + delta), Headers: []Header{{header, headerValue}, {}}},
		}
		b, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 2}, 3, records)
		if err != nil {
			t.Fatal(err)
		}
		checkBatch(t, b, ProducerSession{1, 2}, 3, records)
	})
}

// Foreign producers and broken disks can give the reader any bytes. It must return an error, and never panic or hang.
func FuzzDecodeBatches(f *testing.F) {
	b, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 2}, 3, []Record{
		{Key: []byte("k"), Value: []byte("v"), Headers: []Header{{"h", []byte("x")}}}, {}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.bytes[sizeLength:], int64(0))
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		if len(data) > headerBytes { // with a right checksum the rest of the reader is tested too
			n := int64(binary.BigEndian.Uint32(data[offsetOfLength:])) + lengthCountsFrom
			if n <= int64(len(data)) && n >= headerBytes {
				binary.BigEndian.PutUint32(data[offsetOfChecksum:], checksum(data[:n]))
			}
		}
		d, _ := decodeBatches(data, from, 1<<20)
		if d.next < from {
			t.Errorf("went back from %d to %d", from, d.next)
		}
		for _, r := range d.records {
			if r.Offset < from {
				t.Errorf("offset %d is before %d", r.Offset, from)
			}
		}
	})
}

func FuzzSkipTags(f *testing.F) {
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{1, 0, 2, 3, 4})
	f.Fuzz(func(_ *testing.T, body []byte) { _, _ = skipTags(body) })
}

//nolint:gochecknoglobals // a generator
var recordsGenerator = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Record {
	nullable := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
	return Record{
		Key: nullable.Draw(t, "key"), Value: nullable.Draw(t, "value"),
		Time: time.UnixMilli(rapid.Int64Range(-1<<40, 1<<42).Draw(t, "time")),
		Headers: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Header {
			return Header{rapid.String().Draw(t, "header"), nullable.Draw(t, "header value")}
		}), 0, 3).Draw(t, "headers"),
	}
}), 1, 40)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func checkBatch(t fataler, b *Batch, s ProducerSession, sequence int32, records []Record) {
	t.Helper()
	size := headerBytes
	for _, r := range records {
		size += r.Size()
	}
	if len(b.bytes) > size+sizeLength {
		t.Fatalf("%d bytes, Size promised at most %d", len(b.bytes), size)
	}
	var set protocol.RecordSet
	if _, err := set.ReadFrom(bytes.NewReader(b.bytes)); err != nil {
		t.Fatalf("the library cannot read it: %v", err)
	}
	inner := set.Records.(*protocol.RecordStream).Records[0].(*protocol.RecordBatch)
	if inner.ProducerID != s.ID || inner.ProducerEpoch != s.Epoch || inner.BaseSequence != sequence {
		t.Fatalf("producer %d %d %d", inner.ProducerID, inner.ProducerEpoch, inner.BaseSequence)
	}
	d, err := decodeBatches(b.bytes[sizeLength:], 0, math.MaxInt)
	if err != nil || d.next != int64(len(records)) || len(d.records) != len(records) {
		t.Fatalf("we read %d records to %d: %v", len(d.records), d.next, err)
	}
	for i, want := range records {
		theirs, err := set.Records.ReadRecord()
		if err != nil {
			t.Fatalf("the library reads only %d records: %v", i, err)
		}
		got := Record{Key: readAll(theirs.Key), Value: readAll(theirs.Value), Time: theirs.Time}
		for _, h := range theirs.Headers {
			got.Headers = append(got.Headers, Header(h))
		}
		// When it writes, the library replaces a time of 0 by the current time.
		if !equal(got, want, false) {
			t.Fatalf("the library reads %+v, want %+v", got, want)
		}
		if ours := d.records[i]; !equal(ours.Record, want, true) || ours.Offset != int64(i) {
			t.Fatalf("we read %+v, want %+v", ours, want)
		}
	}
	if _, err := set.Records.ReadRecord(); err != io.EOF { //nolint:errorlint // the library's contract
		t.Fatalf("the library reads more than was written: %v", err)
	}
	if b.NextSequence < 0 || (int64(b.NextSequence)-int64(sequence)-int64(len(records)))%(1<<31) != 0 {
		t.Fatalf("after %d records from %d comes %d", len(records), sequence, b.NextSequence)
	}
}

func readAll(b protocol.Bytes) []byte {
	if b == nil {
		return nil
	}
	out, _ := protocol.ReadAll(b)
	return append([]byte{}, out...)
}

func equal(a, b Record, nullHeaders bool) bool {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	return same(a.Key, b.Key) && same(a.Value, b.Value) && a.Time.Equal(b.Time) &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b Header) bool {
			return a.Key == b.Key && bytes.Equal(a.Value, b.Value) && (!nullHeaders || same(a.Value, b.Value))
		})
}

func TestEncodeRefusesInvalidBatches(t *testing.T) {
	t.Parallel()
	one := []Record{{Key: []byte("k")}}
	for name, f := range map[string]func() (*Batch, error){
		"no record":         func() (*Batch, error) { return EncodeBatch(TopicPartition{}, ProducerSession{}, 0, nil) },
		"negative id":       func() (*Batch, error) { return EncodeBatch(TopicPartition{}, ProducerSession{ID: -1}, 0, one) },
		"negative epoch":    func() (*Batch, error) { return EncodeBatch(TopicPartition{}, ProducerSession{Epoch: -1}, 0, one) },
		"negative sequence": func() (*Batch, error) { return EncodeBatch(TopicPartition{}, ProducerSession{}, -1, one) },
	} {
		if _, err := f(); err == nil {
			t.Error(name)
		}
	}
}

func TestSequenceWrapsToZero(t *testing.T) {
	t.Parallel()
	b, err := EncodeBatch(TopicPartition{}, ProducerSession{}, math.MaxInt32, []Record{{}, {}})
	if err != nil || b.NextSequence != 1 {
		t.Errorf("after two from the largest comes %d, %v", b.NextSequence, err)
	}
}

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

func BenchmarkEncodeBatch(b *testing.B) {
	records := benchmarkRecords(1000)
	size := 0
	for _, r := range records {
		size += len(r.Key) + len(r.Value)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 1}, 0, records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func BenchmarkDecodeBatches(b *testing.B) {
	batch, err := EncodeBatch(TopicPartition{"t", 1}, ProducerSession{1, 1}, 0, benchmarkRecords(1000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(batch.bytes)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeBatches(batch.bytes[sizeLength:], 0, math.MaxInt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/record")
}

func benchmarkRecords(n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Key: fmt.Appendf(nil, "0193a0c4-0000-7000-8000-%012d", i), Value: bytes.Repeat([]byte("x"), 600),
			Time: time.UnixMilli(1_700_000_000_000 + int64(i)), Headers: []Header{
				{"content-type", []byte("application/cloudevents+json")},
				{"traceparent", []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}}}
	}
	return records
}

// A clock that is set must not change the age of a batch: an old batch would be sent again after the broker has forgotten it.
func TestTheAgeOfABatchIsMonotonic(t *testing.T) {
	t.Parallel()
	b, err := EncodeBatch(TopicPartition{"t", 0}, ProducerSession{}, 0, []Record{{Value: []byte("x"), Time: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.EncodedAt.String(), " m=") {
		t.Errorf("%v has no reading of the monotonic clock", b.EncodedAt)
	}
}
