package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

const (
	// maxDecompressed bounds the records of one batch: a few bytes can decompress to gigabytes.
	maxDecompressed = 64 << 20
	// maxZstdWindow is the window of zstd's highest level. The decoder allocates the window before it has seen any data.
	maxZstdWindow = 128 << 20
)

// decompress returns the records of a batch. The memory that it takes is bounded, whatever sizes the body claims to have.
//
// The library's readers of snappy and zstd allocate what is claimed: 30 bytes make them allocate 3 GiB.
func decompress(codec compress.Compression, body []byte) (out []byte, err error) {
	switch {
	case codec == compress.None:
		out, err = body, checkDecompressed(len(body))
	case codec == compress.Snappy:
		out, err = decompressSnappy(body)
	case codec == compress.Zstd:
		out, err = decompressZstd(body)
	case codec.Codec() == nil:
		return nil, fmt.Errorf("compression %d is not known", codec)
	default:
		z := codec.Codec().NewReader(bytes.NewReader(body))
		defer z.Close()
		out, err = readDecompressed(z)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress with %v: %w", codec, err)
	}
	return out, nil
}

// checkDecompressed returns an error if n bytes are too many for the records of one batch.
func checkDecompressed(n int) error {
	if n > maxDecompressed {
		return fmt.Errorf("the batch decompresses to more than %d MiB", maxDecompressed>>20)
	}
	return nil
}

func readDecompressed(r io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, maxDecompressed+1))
	if err != nil {
		return nil, err
	}
	return out, checkDecompressed(len(out))
}

func decompressZstd(body []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return readDecompressed(z)
}

// decompressSnappy reads one block of snappy, or the blocks of a Java client. That has a header of 16 bytes, and the size of
// each block before it.
func decompressSnappy(body []byte) (out []byte, err error) {
	const javaMagic, javaHeader, sizeOfSize = "\x82SNAPPY\x00", 16, 4
	if len(body) < javaHeader || !bytes.HasPrefix(body, []byte(javaMagic)) {
		return appendSnappyBlock(nil, body)
	}
	for rest := body[javaHeader:]; len(rest) > 0; {
		if len(rest) < sizeOfSize || uint64(binary.BigEndian.Uint32(rest)) > uint64(len(rest)-sizeOfSize) {
			return nil, io.ErrUnexpectedEOF
		}
		size := sizeOfSize + int(binary.BigEndian.Uint32(rest))
		if out, err = appendSnappyBlock(out, rest[sizeOfSize:size]); err != nil {
			return nil, err
		}
		rest = rest[size:]
	}
	return out, nil
}

func appendSnappyBlock(out, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if err := checkDecompressed(len(out) + n); err != nil {
		return nil, err
	}
	decoded, err := snappy.Decode(nil, block)
	return append(out, decoded...), err
}
