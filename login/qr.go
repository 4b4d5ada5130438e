package login

import (
	"strings"

	"rsc.io/qr/coding"
)

const (
	quiet        = 2  // modules around the picture; scanners manage with two
	maxQRVersion = 10 // 57 modules
)

// qrCode draws text in block characters, two modules above each other in each,
// bright on dark. It returns "" when that needs more than width columns.
//
// The package coding is used itself: the one above it draws images, and would
// bring Go's image packages into the program.
func qrCode(text string, width int) string {
	for version := coding.Version(coding.MinVersion); version <= maxQRVersion; version++ {
		size := 17 + 4*int(version)
		if size+2*quiet > width {
			break
		}
		if coding.String(text).Bits(version) > version.DataBytes(coding.L)*8 {
			continue
		}
		plan, err := coding.NewPlan(version, coding.L, 0)
		if err != nil {
			break
		}
		code, err := plan.Encode(coding.String(text))
		if err != nil {
			break
		}
		return draw(code)
	}
	return ""
}

// draw shows white modules as blocks: most terminals are dark, and the code's
// surroundings must be white.
func draw(code *coding.Code) string {
	white := func(x, y int) bool { return y < code.Size+quiet && !code.Black(x, y) }
	var out strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			switch upper, lower := white(x, y), white(x, y+1); {
			case upper && lower:
				out.WriteRune('█')
			case upper:
				out.WriteRune('▀')
			case lower:
				out.WriteRune('▄')
			default:
				out.WriteRune(' ')
			}
		}
		out.WriteByte('\n')
	}
	return out.String()
}
