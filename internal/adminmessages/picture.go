package adminmessages

import (
	"fmt"
	"strings"
	"time"
)

// picture is a curve of the last hour, for an SVG. Its texts say the same without the picture.
type picture struct {
	Title          string
	One, Unit      string // the unit of one, and of other numbers
	Known          bool   // the last value is known
	Now, Most      int64
	MostAt         time.Time
	Line, Area     string // points
	Minutes        int    // for how long this instance has watched
	Width, Height  int
	Link, LinkText string // below the first page
}

// The size of a picture in its own units. There is one unit of width for each sample.
const (
	pictureWidth  = mostSamples
	pictureHeight = 80
	pictureTop    = 4 // free space above the highest value
)

// draw returns the picture of one value. The right edge is now, and the height is the largest value.
func draw(title, one, unit string, now time.Time, list []sample, value func(sample) int64) picture {
	p := picture{Title: title, One: one, Unit: unit, Width: pictureWidth, Height: pictureHeight}
	for _, s := range list {
		if v := value(s); v > p.Most {
			p.Most, p.MostAt = v, s.at
		}
	}
	var points []string
	first, last := 0, 0
	for _, s := range list {
		v := value(s)
		if p.Known = v >= 0; !p.Known {
			continue
		}
		x := pictureWidth - int(now.Sub(s.at)*time.Duration(pictureWidth)/watched)
		y := pictureHeight - int(v*(pictureHeight-pictureTop)/max(p.Most, 1))
		if points = append(points, fmt.Sprintf("%d,%d", x, y)); len(points) == 1 {
			first = x
		}
		last, p.Now = x, v
	}
	if len(list) > 0 {
		p.Minutes = int(now.Sub(list[0].at).Minutes())
	}
	if len(points) > 0 {
		p.Line = strings.Join(points, " ")
		p.Area = fmt.Sprintf("%d,%d %s %d,%d", first, pictureHeight, p.Line, last, pictureHeight)
	}
	return p
}

// Text says what the picture shows.
func (p picture) Text() string {
	text := "not known"
	if p.Known {
		text = fmt.Sprintf("now %d", p.Now)
	}
	if p.Most > 0 {
		return fmt.Sprintf("%s, at most %d at %s", text, p.Most, p.MostAt.UTC().Format("15:04:05Z"))
	}
	return text
}
