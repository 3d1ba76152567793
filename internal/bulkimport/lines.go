package bulkimport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the size of the largest record and of the longest line, in bytes. Without a limit, a file without line breaks would
// be read into memory as one record. So would a file with a quote that is never closed.
const maxRecord = 1 << 20

var errTooLong = errors.New("the record is too long")

const tooLong = "is longer than 1 MiB, which is the limit for a record"

// lines reads text, and knows the line of each offset that it has read.
type lines struct {
	from   io.Reader
	read   int64   // bytes
	breaks []int64 // the offsets of the line breaks that line does not count yet
	line   int     // the number of counted line breaks
	left   int     // how many bytes may still be read for the present record
}

// open returns the text from the beginning of the file, without a byte order mark.
func open(source string, file io.ReadSeeker) (*lines, *bufio.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", source, err)
	}
	l := &lines{from: file}
	l.begin()
	text := bufio.NewReader(l)
	if mark, _ := text.Peek(3); string(mark) == "\xef\xbb\xbf" { // if Peek fails, the next read returns the error
		_, _ = text.Discard(3)
	}
	return l, text, nil
}

// begin starts the limit again, for the next record. The readers above also read ahead, beyond the end of the record. So the limit
// has 64 KiB more than a record.
func (l *lines) begin() { l.left = maxRecord + 64<<10 }

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.from.Read(p[:min(len(p), l.left)])
	l.left -= n
	for i, b := range p[:n] {
		if b == '\n' {
			l.breaks = append(l.breaks, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at returns the number of the line at an offset. The offset must not be smaller than in the last call.
func (l *lines) at(offset int64) int {
	n := 0
	for n < len(l.breaks) && l.breaks[n] < offset {
		n++
	}
	l.line += n
	l.breaks = append(l.breaks[:0], l.breaks[n:]...)
	return l.line + 1
}

// end returns the number of the last line that was read.
func (l *lines) end() int { return l.at(l.read) }
