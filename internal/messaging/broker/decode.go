package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// Bounds on what a few bytes may become in memory.
const (
	maxInflated  = 64 << 20 // one compressed batch: some bytes can be made to inflate to gigabytes
	maxHeaders   = 1000     // of one record; more are passed over
	recordMemory = 128      // of a decoded record, beside its bytes: there are batches of millions of empty ones
)

// decoded is what a partition's bytes hold.
type decoded struct {
	records []Fetched
	next    int64 // the offset after the last batch, whatever compaction left of it
	bytes   int   // that the records take in memory, about
}

// decodeBatches reads the batches that a fetch from offset from returned, until the records hold maxBytes or more; next
// may be in the middle of a batch then. The last batch may be cut off; it will be fetched again. Control batches (the
// marks of transactions) have no records but take offsets.
//
// The library's own reader is not used: it hides where a compacted batch ends, and so a reader can be made to ask for
// the same batch for ever.
func decodeBatches(data []byte, from int64, maxBytes int) (decoded, error) {
	out := decoded{next: from}
	for len(data) >= lengthCountsFrom && out.bytes < maxBytes {
		base := int64(binary.BigEndian.Uint64(data))
		end := int64(lengthCountsFrom) + int64(int32(binary.BigEndian.Uint32(data[offsetOfLength:])))
		if end < headerBytes {
			return out, fmt.Errorf("offset %d: %w: a length of %d", base, errBadBatch, end)
		}
		if end > int64(len(data)) {
			break
		}
		batch := data[:end]
		data = data[end:]
		if magic := batch[offsetOfMagic]; magic != magicNow {
			return out, fmt.Errorf("offset %d: record format %d, older than Kafka 0.11, is not read", base, magic)
		}
		if binary.BigEndian.Uint32(batch[offsetOfChecksum:]) != checksum(batch) {
			return out, fmt.Errorf("offset %d: %w: its checksum is wrong", base, errBadBatch)
		}
		after := base + int64(binary.BigEndian.Uint32(batch[offsetOfLastDelta:])) + 1
		if after <= out.next {
			continue
		}
		if binary.BigEndian.Uint16(batch[offsetOfAttributes:])&attributeControl == 0 {
			whole, err := out.add(batch, base, from, maxBytes)
			if err != nil {
				return out, fmt.Errorf("the batch at offset %d: %w", base, err)
			}
			if !whole {
				return out, nil
			}
		}
		out.next = after
	}
	return out, nil
}

// add appends the records of a batch that are not before from: a batch is fetched whole. When maxBytes are reached before
// its end, it sets next behind the last record that it took.
func (d *decoded) add(batch []byte, base, from int64, maxBytes int) (whole bool, err error) {
	big := binary.BigEndian
	first, count := int64(big.Uint64(batch[offsetOfFirstTime:])), int(int32(big.Uint32(batch[offsetOfCount:])))
	body, err := inflate(compress.Compression(big.Uint16(batch[offsetOfAttributes:])&attributeCompression), batch[headerBytes:])
	if err != nil {
		return false, err
	}
	appendTime := big.Uint16(batch[offsetOfAttributes:])&(1<<3) != 0
	last := int64(big.Uint64(batch[offsetOfLastTime:]))
	r := reader{b: body}
	if count < 0 || count > len(body) {
		return false, errBadBatch
	}
	d.records = slices.Grow(d.records, min(count, 10_000)) // the count is only a claim
	for range count {
		if d.bytes >= maxBytes {
			d.next = d.records[len(d.records)-1].Offset + 1
			return false, nil
		}
		record := reader{b: r.take(r.varint())}
		size := len(record.b)
		record.take(1) // attributes: none are defined
		at := first + record.varint()
		offset := base + record.varint()
		if appendTime {
			at = last
		}
		f := Fetched{Offset: offset, Record: Record{Time: time.UnixMilli(at).UTC()}}
		f.Key, f.Value = record.nullable(), record.nullable()
		headers := record.varint()
		if headers < 0 || headers > int64(len(record.b)) { // each takes two bytes at least
			record.broken = true
		} else if headers > 0 {
			f.Headers = make([]Header, min(headers, maxHeaders))
			for j := range f.Headers {
				f.Headers[j] = Header{Key: string(record.take(record.varint())), Value: record.nullable()}
			}
		}
		if r.broken || record.broken {
			return false, errBadBatch
		}
		if offset >= from {
			d.records = append(d.records, f)
			d.bytes += size + recordMemory
		}
	}
	return true, nil
}

func inflate(codec compress.Compression, body []byte) ([]byte, error) {
	if codec == compress.None {
		return body, nil
	}
	if codec.Codec() == nil {
		return nil, fmt.Errorf("compression %d is not known", codec)
	}
	z := codec.Codec().NewReader(bytes.NewReader(body))
	defer z.Close()
	out, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("inflate with %v: %w", codec, err)
	case len(out) > maxInflated:
		return nil, fmt.Errorf("inflates to more than %d MiB", maxInflated>>20)
	}
	return out, nil
}

// reader takes things off the front of its bytes. Once it is broken, what it returns means nothing.
type reader struct {
	b      []byte
	broken bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.b)) {
		r.broken = true
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) nullable() []byte {
	n := r.varint()
	if n == -1 {
		return nil
	}
	return r.take(n)
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// count reads an array's length, which is 0 where the array is null, and never more than there are bytes left.
func (r *reader) count() int {
	n := int(r.int32())
	if n > len(r.b) {
		r.broken = true
	}
	if n < 0 || r.broken {
		return 0
	}
	return n
}
