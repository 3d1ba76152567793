package broker

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// Limits on the memory that a few bytes of input can use.
const (
	maxHeaders   = 1000 // of one record; the others are ignored
	recordMemory = 128  // of a decoded record, in addition to its bytes: a batch may hold millions of empty records
)

// decodedBatches is the content of a partition's bytes.
type decodedBatches struct {
	records []Fetched
	next    int64 // the offset after the last batch, even if compaction has removed its last records
	epoch   int32 // the leader epoch of the batch before next; unknownEpoch if no batch was read
	bytes   int   // estimate of the records' memory
}

// decodeBatches decodes the batches of a fetch from offset from. It stops when the records use maxBytes or more; then next
// may be in the middle of a batch. The last batch may be cut off; the next fetch returns it again. Control batches (the
// markers of transactions) have offsets but no records. A batch that its producer has made unreadable becomes one record, with
// Fetched.Unreadable.
//
// It replaces the library's reader, which hides where a compacted batch ends. A client that does not know the end may ask
// for the same batch forever.
func decodeBatches(data []byte, from int64, maxBytes int) (decodedBatches, error) {
	out := decodedBatches{next: from, epoch: unknownEpoch}
	for len(data) >= lengthCountsFrom && out.bytes < maxBytes {
		base := int64(binary.BigEndian.Uint64(data))
		end := int64(lengthCountsFrom) + int64(int32(binary.BigEndian.Uint32(data[offsetOfLength:])))
		if end < headerBytes {
			return out, fmt.Errorf("offset %d: %w: a length of %d", base, errBrokenBatch, end)
		}
		if end > int64(len(data)) {
			break
		}
		batch := data[:end]
		data = data[end:]
		if magic := batch[offsetOfMagic]; magic != magicV2 {
			return out, fmt.Errorf("offset %d: record format %d, older than Kafka 0.11, is not read", base, magic)
		}
		if binary.BigEndian.Uint32(batch[offsetOfChecksum:]) != checksum(batch) {
			return out, fmt.Errorf("offset %d: %w: its checksum is wrong", base, errBrokenBatch)
		}
		after := base + int64(binary.BigEndian.Uint32(batch[offsetOfLastDelta:])) + 1
		if after <= out.next {
			continue
		}
		epoch := int32(binary.BigEndian.Uint32(batch[offsetOfLeaderEpoch:]))
		if binary.BigEndian.Uint16(batch[offsetOfAttributes:])&attributeControl == 0 {
			whole, err := out.appendRecords(batch, base, from, maxBytes)
			if err != nil {
				out.appendUnreadable(batch, base, from, err)
			} else if !whole {
				out.epoch = epoch
				return out, nil
			}
		}
		out.next, out.epoch = after, epoch
	}
	return out, nil
}

// appendRecords appends the records of a batch, except those before from: brokers return only whole batches. If maxBytes
// is reached within the batch, it sets next to the offset after the last appended record, and whole is false.
func (d *decodedBatches) appendRecords(batch []byte, base, from int64, maxBytes int) (whole bool, err error) {
	big := binary.BigEndian
	first, count := int64(big.Uint64(batch[offsetOfFirstTime:])), int(int32(big.Uint32(batch[offsetOfCount:])))
	body, err := decompress(compress.Compression(big.Uint16(batch[offsetOfAttributes:])&attributeCompression), batch[headerBytes:])
	if err != nil {
		return false, err
	}
	epoch := int32(big.Uint32(batch[offsetOfLeaderEpoch:]))
	appendTime := big.Uint16(batch[offsetOfAttributes:])&(1<<3) != 0
	lastTime := int64(big.Uint64(batch[offsetOfLastTime:]))
	last := base + int64(big.Uint32(batch[offsetOfLastDelta:]))
	r := wireReader{rest: body}
	if count < 0 || count > len(body) {
		return false, errMalformed
	}
	d.records = slices.Grow(d.records, min(count, 10_000)) // the count is not to be trusted
	for range count {
		if d.bytes >= maxBytes {
			d.next = d.records[len(d.records)-1].Next()
			return false, nil
		}
		record := wireReader{rest: r.take(r.varint())}
		size := len(record.rest)
		record.take(1) // attributes: none are defined
		millis := first + record.varint()
		offset := base + record.varint()
		if appendTime {
			millis = lastTime
		}
		f := Fetched{Offset: offset, LeaderEpoch: epoch, Record: Record{Time: time.UnixMilli(millis).UTC()}}
		f.Key, f.Value = record.nullable(), record.nullable()
		headers := record.varint()
		if headers < 0 || headers > int64(len(record.rest)) { // each takes at least two bytes
			record.broken = true
		} else if headers > 0 {
			f.Headers = make([]Header, min(headers, maxHeaders))
			for j := range f.Headers {
				f.Headers[j] = Header{Key: string(record.take(record.varint())), Value: record.nullable()}
			}
		}
		if r.broken || record.broken || offset < base || offset > last {
			return false, errMalformed
		}
		if offset >= from {
			d.records = append(d.records, f)
			d.bytes += size + recordMemory
		}
	}
	return true, nil
}

// wireReader reads values from the front of its bytes. Once broken is true, the values that it returns are meaningless.
type wireReader struct {
	rest   []byte
	broken bool
}

func (r *wireReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *wireReader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.rest)) {
		r.broken = true
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *wireReader) nullable() []byte {
	n := r.varint()
	if n == -1 {
		return nil
	}
	return r.take(n)
}
