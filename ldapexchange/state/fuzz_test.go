package state

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func FuzzDecodeEntry(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, entryHead))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode([]byte("session/x"), data)
		if err != nil {
			if !errors.Is(err, ErrUnavailable) {
				t.Error(err)
			}
			return
		}
		_ = e.ended(time.Now())
		if r, err := parseSession(e); err == nil && r.ID != "x" {
			t.Errorf("%+v", r.Session)
		}
	})
}
