package bulkimport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxRecord is the largest record, and the longest line, in bytes. A file without line breaks, or with a quote that is never
// closed, would otherwise be one record.
const maxRecord = 1 << 20

var errTooLong = errors.New("the record is too long")

const tooLong = "is longer than 1 MiB, which is the limit for a record"

// lines reads text, and knows the line of each offset that it has read.
type lines struct {
	from   io.Reader
	read   int64   // bytes
	breaks []int64 // the offsets of line breaks that are not counted yet
	line   int     // the number of counted line breaks
	left   int     // bytes that the present record may still take
}

// open returns the text from the beginning of the file, without a byte order mark.
func open(source string, file io.ReadSeeker) (*lines, *bufio.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", source, err)
	}
	l := &lines{from: file}
	l.begin()
	text := bufio.NewReader(l)
	if mark, _ := text.Peek(3); string(mark) == "\xef\xbb\xbf" { // the next read tells an error
		_, _ = text.Discard(3)
	}
	return l, text, nil
}

// begin gives the next record the whole limit. What its readers have read ahead counts for it, so they get some more.
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

// at returns the number of the line at an offset, which is at least as large as the one before.
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
