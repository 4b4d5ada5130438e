package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"plain", "access denied", 50, "access denied"},
		{"other scripts stay", "доступ запрещён, 拒绝, été", 50, "доступ запрещён, 拒绝, été"},
		{"colors", "a\x1b[31mred\x1b[0m", 50, "a[31mred[0m"},
		{"title and bell", "\x1b]0;owned\x07x", 50, "]0;ownedx"},
		{"C1 as UTF-8", "a\u009b31mb", 50, "a31mb"},
		{"C1 as a bare byte", "a\x9b31mb", 50, "a31mb"},
		{"carriage return cannot overwrite", "real\rfake", 50, "real fake"},
		{"line breaks cannot forge a line", "x\nerror: y\r\n\u2028z\u0085w", 50, "x error: y z w"},
		{"white space runs", "  a \t\v b\u00a0\u3000c  ", 50, "a b c"},
		{"bidirectional override", "user\u202egro.live", 50, "usergro.live"},
		{"isolates and marks", "\u2066a\u2069\u200e\u200f\u061cb", 50, "ab"},
		{"zero width", "pay\u200bpal\u2060\ufeff\u200d.com", 50, "paypal.com"},
		{"tags", "a\U000e0041\U000e007fb", 50, "ab"},
		{"blank letters", "a\u3164\uffa0\u115f\u2800b", 50, "ab"},
		{"private use and unassigned", "a\ue000\U0010ffffb", 50, "ab"},
		{"delete and NUL", "a\x7f\x00b", 50, "ab"},
		{"invalid UTF-8", "a\xff\xc3(b", 50, "a(b"},
		{"a real replacement character", "a\ufffdb", 50, "a\ufffdb"},
		{"exactly the limit", "abcde", 5, "abcde"},
		{"trailing space does not count", "abcde   ", 5, "abcde"},
		{"one too long", "abcdef", 5, "abcd…"},
		{"runes, not bytes", "äöüßé", 5, "äöüßé"},
		{"cut at a space", "abc def", 5, "abc…"},
		{"the space does not fit", "abcde f", 6, "abcde…"},
		{"nothing fits", "abc", 0, ""},
		{"negative", "abc", -1, ""},
		{"one", "abc", 1, "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in, tt.limit); got != tt.want {
				t.Errorf("Clean(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31m\u202e b", 5)
	f.Add("\xff\u2028é", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit %= 1000
		got := Clean(text, limit)
		if n := utf8.RuneCountInString(got); n > max(limit, 0) {
			t.Fatalf("%d runes, limit %d", n, limit)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("invalid UTF-8: %q", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool {
			return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) || (unicode.IsSpace(r) && r != ' ')
		}); i >= 0 {
			t.Fatalf("%q holds a character that is not fit for a line, at %d", got, i)
		}
		if again := Clean(got, limit); again != got {
			t.Fatalf("cleaning twice differs: %q, then %q", got, again)
		}
	})
}
