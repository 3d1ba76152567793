package broker //nolint:testpackage // decompresses single bodies

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
	kafkasnappy "github.com/segmentio/kafka-go/compress/snappy"
)

// Few bytes claim to have much data. The memory for it is not allocated before the data is there.
//
//nolint:paralleltest // other tests allocate memory too
func TestAClaimedSizeTakesLittleMemory(t *testing.T) {
	const most = maxDecompressed + 10<<20
	javaHeader := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
	block := binary.AppendUvarint(nil, 3<<30)
	for name, c := range map[string]struct {
		codec compress.Compression
		body  []byte
	}{
		"snappy":                {compress.Snappy, block},
		"snappy, many blocks":   {compress.Snappy, append(javaHeader, bytes.Repeat(javaBlock(maxDecompressed/4), 9)...)},
		"snappy, a large block": {compress.Snappy, append(javaHeader, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3)},
		"zstd":                  {compress.Zstd, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (29 - 10) << 3, 0x03 | 8<<3, 0, 0, 'a'}}, // a window of 512 MiB
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := decompress(c.codec, c.body)
			runtime.ReadMemStats(&after)
			if err == nil || after.TotalAlloc-before.TotalAlloc > 4*most {
				t.Errorf("%d MiB, error %v", (after.TotalAlloc-before.TotalAlloc)>>20, err)
			}
		})
	}
}

// javaBlock returns a block of n zero bytes, with its size before it.
func javaBlock(n int) []byte {
	block := snappy.Encode(nil, make([]byte, n))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(block))), block...)
}

// Everything that producers send is read: each codec, both forms of snappy, and the window of zstd's highest level.
func TestDecompressReadsEveryForm(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("a record, and another one; "), 100_000)
	written := func(codec compress.Codec) []byte {
		var out bytes.Buffer
		z := codec.NewWriter(&out)
		if _, err := z.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	long, err := zstd.NewWriter(nil, zstd.WithWindowSize(maxZstdWindow), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		codec compress.Compression
		body  []byte
	}{
		"none":               {compress.None, want},
		"gzip":               {compress.Gzip, written(compress.Gzip.Codec())},
		"snappy of Java":     {compress.Snappy, written(&kafkasnappy.Codec{Framing: kafkasnappy.Framed})},
		"snappy, one block":  {compress.Snappy, snappy.Encode(nil, want)},
		"lz4":                {compress.Lz4, written(compress.Lz4.Codec())},
		"zstd":               {compress.Zstd, written(compress.Zstd.Codec())},
		"zstd, large window": {compress.Zstd, long.EncodeAll(want, nil)},
	} {
		if got, err := decompress(c.codec, c.body); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
