package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"time"
)

// MaxBatchBytes is the highest size of a batch. It is below Kafka's default message.max.bytes (1,048,588).
const MaxBatchBytes = 1_000_000

// ProducerSession is the identity by which the broker fences. If two sessions have the same ID, the broker refuses the one
// with the lower Epoch in every partition to which the higher one has written. Fencing needs no transaction and no
// coordinator. So the epoch may come from any number that only grows, like the epoch of a lease. A new epoch starts at
// sequence 0.
type ProducerSession struct {
	ID    int64
	Epoch int16
}

// Batch is an encoded record batch for one partition. It is frozen: every try sends the same bytes, because the leader
// recognizes a repeated batch by its producer id, epoch and sequences. If a try failed and the records were then encoded
// in other batches, some would be lost or repeated.
type Batch struct {
	TP           TopicPartition
	Count        int
	NextSequence int32     // the first sequence of the batch after this one
	EncodedAt    time.Time // with a reading of the monotonic clock

	bytes []byte // the size of the batch, then the batch, as in a Produce request
}

// Bytes returns the size of the batch, as the broker counts it.
func (b *Batch) Bytes() int { return len(b.bytes) - sizeLength }

// The layout of a record batch of format 2 (Kafka protocol guide, "Record Batch").
const (
	sizeLength  = 4 // of the size field before the batch in a request
	headerBytes = 61

	offsetOfLength         = 8
	offsetOfLeaderEpoch    = 12
	offsetOfMagic          = 16
	offsetOfChecksum       = 17
	offsetOfAttributes     = 21 // the checksum covers everything from here on
	offsetOfLastDelta      = 23
	offsetOfFirstTime      = 27
	offsetOfLastTime       = 35
	offsetOfProducerID     = 43
	offsetOfProducerEpoch  = 51
	offsetOfFirstSequence  = 53
	offsetOfCount          = 57
	lengthCountsFrom       = 12
	magicV2                = 2
	attributeCompression   = 0x7
	attributeTransactional = 1 << 4
	attributeControl       = 1 << 5
)

// EncodeBatch encodes records as one batch that begins with firstSequence. There must be at least one record. It copies the
// records' slices. It does not compress: for a nearby broker, compression costs more than it saves.
func EncodeBatch(tp TopicPartition, s ProducerSession, firstSequence int32, records []Record) (*Batch, error) {
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: a batch needs a record", tp)
	}
	if s.ID < 0 || s.Epoch < 0 || firstSequence < 0 {
		return nil, fmt.Errorf("%s: producer %d epoch %d sequence %d: none may be negative", tp, s.ID, s.Epoch, firstSequence)
	}
	size := sizeLength + headerBytes
	for i := range records {
		if size += records[i].Size(); size > math.MaxInt32 {
			return nil, fmt.Errorf("%s: the batch is larger than 2 GiB", tp)
		}
	}
	first, last := records[0].Time.UnixMilli(), records[0].Time.UnixMilli()
	out := make([]byte, sizeLength+headerBytes, size)
	for i := range records {
		at := records[i].Time.UnixMilli()
		out = appendRecord(out, int64(i), at-first, &records[i])
		last = max(last, at)
	}
	big, batch := binary.BigEndian, out[sizeLength:]
	big.PutUint32(out, uint32(len(batch)))
	big.PutUint32(batch[offsetOfLength:], uint32(len(batch)-lengthCountsFrom))
	big.PutUint32(batch[offsetOfLeaderEpoch:], math.MaxUint32) // the broker sets it, and the offset of the first record
	batch[offsetOfMagic] = magicV2
	big.PutUint32(batch[offsetOfLastDelta:], uint32(len(records)-1))
	big.PutUint64(batch[offsetOfFirstTime:], uint64(first))
	big.PutUint64(batch[offsetOfLastTime:], uint64(last))
	big.PutUint64(batch[offsetOfProducerID:], uint64(s.ID))
	big.PutUint16(batch[offsetOfProducerEpoch:], uint16(s.Epoch))
	big.PutUint32(batch[offsetOfFirstSequence:], uint32(firstSequence))
	big.PutUint32(batch[offsetOfCount:], uint32(len(records)))
	big.PutUint32(batch[offsetOfChecksum:], checksum(batch))
	return &Batch{TP: tp, Count: len(records), NextSequence: sequenceAfter(firstSequence, len(records)),
		EncodedAt: time.Now(), bytes: out}, nil
}

// sequenceAfter returns the sequence after the batch. The sequence after 2147483647 is 0.
func sequenceAfter(first int32, count int) int32 {
	return int32((int64(first) + int64(count)) & math.MaxInt32)
}

func checksum(batch []byte) uint32 {
	return crc32.Checksum(batch[offsetOfAttributes:], crc32.MakeTable(crc32.Castagnoli))
}

func appendRecord(out []byte, delta, millis int64, r *Record) []byte {
	n := 1 + varintSize(millis) + varintSize(delta) + nullableSize(r.Key) + nullableSize(r.Value) + varintSize(int64(len(r.Headers)))
	for _, h := range r.Headers {
		n += varintSize(int64(len(h.Key))) + len(h.Key) + nullableSize(h.Value)
	}
	out = binary.AppendVarint(out, int64(n)) // Go's signed varint is zig-zag encoded, like Kafka's
	out = append(out, 0)                     // attributes: none are defined
	out = binary.AppendVarint(out, millis)
	out = binary.AppendVarint(out, delta)
	out = appendNullable(out, r.Key)
	out = appendNullable(out, r.Value)
	out = binary.AppendVarint(out, int64(len(r.Headers)))
	for _, h := range r.Headers {
		out = binary.AppendVarint(out, int64(len(h.Key)))
		out = append(out, h.Key...)
		out = appendNullable(out, h.Value)
	}
	return out
}

func appendNullable(out, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(out, -1)
	}
	return append(binary.AppendVarint(out, int64(len(b))), b...)
}

func nullableSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

func varintSize(v int64) int { return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1) + 6) / 7 }

var errBrokenBatch = errors.New("the record batch is broken")
