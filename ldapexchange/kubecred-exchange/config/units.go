package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A duration is whole numbers with units, largest first or not: 90s, 1h30m,
// 30d. A day has 24 hours.
const (
	spanPattern = `^([0-9]{1,6}(d|h|m|s|ms))+$`
	sizePattern = `^[0-9]{1,9}(B|KiB|MiB)$`
)

// Span is a duration as a configuration writes it.
type Span time.Duration

func (s Span) String() string {
	d := time.Duration(s)
	if d == 0 {
		return "0s"
	}
	var text strings.Builder
	for _, u := range spanUnits() {
		if n := d / u.long; n > 0 {
			text.WriteString(strconv.FormatInt(int64(n), 10) + u.name)
			d -= n * u.long
		}
	}
	return text.String()
}

// MarshalText lets a schema's default be written as a configuration would.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

type spanUnit struct {
	name string
	long time.Duration
}

func spanUnits() []spanUnit {
	return []spanUnit{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
}

var (
	spanWhole = regexp.MustCompile(spanPattern)
	spanParts = regexp.MustCompile(`([0-9]+)(ms|d|h|m|s)`)
	sizeParts = regexp.MustCompile(`^([0-9]{1,9})(B|KiB|MiB)$`)
)

func parseSpan(s string) (time.Duration, bool) {
	if len(s) > 40 || !spanWhole.MatchString(s) {
		return 0, false
	}
	var total time.Duration
	for _, m := range spanParts.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		unit := unitOf(m[2])
		if err != nil || n > int64((longest-total)/unit) {
			return 0, false
		}
		total += time.Duration(n) * unit
	}
	return total, true
}

// longest is what no duration here exceeds: a hundred years, well below what
// overflows.
const longest = 100 * 365 * 24 * time.Hour

func unitOf(name string) time.Duration {
	for _, u := range spanUnits() {
		if u.name == name {
			return u.long
		}
	}
	return longest
}

// Size is a number of bytes as a configuration writes it.
type Size int64

func (s Size) String() string {
	switch n := int64(s); {
	case n > 0 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "MiB"
	case n > 0 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + "KiB"
	default:
		return strconv.FormatInt(n, 10) + "B"
	}
}

// MarshalText is Span's.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func parseSize(s string) (int64, bool) {
	m := sizeParts.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n * map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]], err == nil
}
