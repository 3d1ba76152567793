package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// UnreadableBatch is why the records of a batch cannot be read, although its checksum is right: its compression is not known, it
// cannot be decompressed, it becomes too large, or its records are malformed. So it came from its producer like this, and another
// try cannot help. A batch with a wrong checksum is another thing: the transfer or the log was damaged.
type UnreadableBatch struct {
	Last  int64 // the offset of the last record of the batch
	Bytes int   // the size of the batch; the record's value may have only the first ones
	Cause error
}

// Error implements error.
func (u *UnreadableBatch) Error() string {
	return fmt.Sprintf("the batch of %d bytes up to offset %d cannot be read: %v", u.Bytes, u.Last, u.Cause)
}

// Unwrap returns the cause.
func (u *UnreadableBatch) Unwrap() error { return u.Cause }

// maxUnreadable bounds how much of an unreadable batch is kept.
const maxUnreadable = 1 << 20

// appendUnreadable appends one record for the rest of a batch that cannot be read, from offset from on. It has the first bytes of
// the batch, and neither a key nor headers.
func (d *decodedBatches) appendUnreadable(batch []byte, base, from int64, cause error) {
	big := binary.BigEndian
	if n := len(d.records); n > 0 && d.records[n-1].Offset >= base {
		from = max(from, d.records[n-1].Next())
	}
	value := append([]byte{}, batch[:min(len(batch), maxUnreadable)]...)
	d.records = append(d.records, Fetched{
		Offset: max(base, from), LeaderEpoch: int32(big.Uint32(batch[offsetOfLeaderEpoch:])),
		Record:     Record{Value: value, Time: time.UnixMilli(int64(big.Uint64(batch[offsetOfFirstTime:]))).UTC()},
		Unreadable: &UnreadableBatch{Last: base + int64(big.Uint32(batch[offsetOfLastDelta:])), Bytes: len(batch), Cause: cause},
	})
	d.bytes += len(value) + recordMemory
}

// errMalformed reports records that are malformed in a batch with a right checksum.
var errMalformed = errors.New("a record is malformed")
