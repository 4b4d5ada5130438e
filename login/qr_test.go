package login

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
)

func TestDeviceShowsAQRCode(t *testing.T) {
	p := oidctest.Start(t, oidctest.DeviceApprovedAfter(1))
	c, _ := deviceClient(t, p)
	who := newPerson()
	who.width = 80
	if _, err := c.Device(within(t), DeviceOptions{Person: who}); err != nil || !strings.Contains(who.text(), "█") {
		t.Errorf("%v, shown:\n%s", err, who.text())
	}
}

func TestQRCode(t *testing.T) {
	const address = "https://issuer.example/device?user_code=WDJB-MJHT"
	picture := qrCode(address, 80)
	lines := strings.Split(strings.TrimSuffix(picture, "\n"), "\n")
	columns := len([]rune(lines[0]))
	if columns < 21+2*quiet || columns > 80 || len(lines) != (columns+1)/2 {
		t.Fatalf("%d lines of %d columns:\n%s", len(lines), columns, picture)
	}
	for _, line := range lines {
		if r := []rune(line); len(r) != columns || r[0] != r[1] || !slices.Contains([]rune("█▀"), r[0]) {
			t.Errorf("line %q", line)
		}
	}
	// The finder pattern's upper left corner: dark, after the quiet rows.
	if row := []rune(lines[1]); string(row[quiet:quiet+7]) != " ▄▄▄▄▄ " {
		t.Errorf("finder pattern: %q", string(row[quiet:quiet+7]))
	}
	if qrCode(address, columns) == "" || qrCode(address, columns-1) != "" || qrCode(address, 0) != "" || qrCode(strings.Repeat("x", 3000), 1000) != "" {
		t.Error("the width is not kept to")
	}
}
