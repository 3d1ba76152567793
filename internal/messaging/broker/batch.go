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

// MaxBatchBytes is how large a batch may get, leaving room below Kafka's default message.max.bytes (1,048,588).
const MaxBatchBytes = 1_000_000

// ProducerSession is the identity that the broker fences by: of two sessions with one ID, the one with the lower Epoch
// is refused wherever the higher has written. It needs no transaction and no coordinator, so the epoch may come from
// anything that only grows, like the generation of a lease. A new epoch starts at sequence 0.
type ProducerSession struct {
	ID    int64
	Epoch int16
}

// Batch is an encoded record batch for one partition. It is frozen: whatever becomes of a try, the next one sends the
// very same bytes, because the leader knows a repetition by its producer, epoch and sequences. Encoding the same
// records anew, in other groups, would lose or repeat some.
type Batch struct {
	TP           TopicPartition
	Count        int
	NextSequence int32 // the first sequence of the batch after this one
	EncodedAt    time.Time

	bytes []byte // the batch with its size before it, as a Produce request carries it
}

// Bytes returns how large the batch is, as the broker counts it.
func (b *Batch) Bytes() int { return len(b.bytes) - sizeLength }

// Where things are in a record batch of format 2 (Kafka protocol guide, "Record Batch").
const (
	sizeLength  = 4 // in front of the batch: the request's own length of it
	headerBytes = 61

	offsetOfLength         = 8
	offsetOfLeaderEpoch    = 12
	offsetOfMagic          = 16
	offsetOfChecksum       = 17
	offsetOfAttributes     = 21 // the checksum covers all from here on
	offsetOfLastDelta      = 23
	offsetOfFirstTime      = 27
	offsetOfLastTime       = 35
	offsetOfProducerID     = 43
	offsetOfProducerEpoch  = 51
	offsetOfFirstSequence  = 53
	offsetOfCount          = 57
	lengthCountsFrom       = 12
	magicNow               = 2
	attributeCompression   = 0x7
	attributeTransactional = 1 << 4
	attributeControl       = 1 << 5
)

// EncodeBatch encodes records, which must not be empty, as one batch that begins with firstSequence. The records'
// slices are copied. It does not compress: on the way to a broker near by that costs more than it saves.
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
	big.PutUint32(batch[offsetOfLeaderEpoch:], math.MaxUint32) // the broker's to set, like the offset of the first record
	batch[offsetOfMagic] = magicNow
	big.PutUint32(batch[offsetOfLastDelta:], uint32(len(records)-1))
	big.PutUint64(batch[offsetOfFirstTime:], uint64(first))
	big.PutUint64(batch[offsetOfLastTime:], uint64(last))
	big.PutUint64(batch[offsetOfProducerID:], uint64(s.ID))
	big.PutUint16(batch[offsetOfProducerEpoch:], uint16(s.Epoch))
	big.PutUint32(batch[offsetOfFirstSequence:], uint32(firstSequence))
	big.PutUint32(batch[offsetOfCount:], uint32(len(records)))
	big.PutUint32(batch[offsetOfChecksum:], checksum(batch))
	return &Batch{TP: tp, Count: len(records), NextSequence: sequenceAfter(firstSequence, len(records)),
		EncodedAt: time.Now().UTC(), bytes: out}, nil
}

// sequenceAfter wraps from the largest sequence to 0, never to a negative one.
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
	out = binary.AppendVarint(out, int64(n)) // Go's signed varint is zig-zag, as Kafka's
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

var errBadBatch = errors.New("the record batch is broken")
