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
