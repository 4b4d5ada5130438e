package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestIDIsReadAsItWasWritten(t *testing.T) {
	id := NewKey().ID()
	if back, err := ParseID(id.String()); err != nil || back != id {
		t.Errorf("ParseID(%q) = %v, %v", id, back, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("A", 32), id.String() + "00"} {
		if _, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) found an ID", bad)
		}
	}
}

func TestKeyIDIsItsFingerprint(t *testing.T) {
	key, other := NewKey(), NewKey()
	again, err := KeyFromBytes(key.Bytes())
	if err != nil || !again.Equal(key) || again.ID() != key.ID() {
		t.Errorf("the key came back as another: %v", err)
	}
	if key.Equal(other) || key.ID() == other.ID() {
		t.Error("two new keys are the same")
	}
	for _, n := range []int{0, 31, 33} {
		if _, err := KeyFromBytes(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes", n)
		}
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	key := NewKey()
	var out bytes.Buffer
	for _, v := range []any{key, &key, struct{ k Key }{key}, []Key{key}} {
		fmt.Fprintf(&out, "%v %+v %#v %s %x %q\n", v, v, v, v, v, v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
	}
	for _, shape := range []string{
		string(key.Bytes()), hex.EncodeToString(key.Bytes()), fmt.Sprint(key.Bytes()),
		base64.StdEncoding.EncodeToString(key.Bytes()), encodeValue(key),
	} {
		if strings.Contains(out.String(), shape) {
			t.Errorf("the key was printed:\n%s", out.String())
		}
	}
}

func TestMemory(t *testing.T) {
	ctx, m, key := context.Background(), NewMemory(), NewKey()
	if _, err := m.Get(ctx, key.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get of nothing: %v", err)
	}
	if err := m.Put(ctx, key); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Get(ctx, key.ID()); err != nil || !got.Equal(key) || m.Len() != 1 {
		t.Errorf("Get = %v, %v", got, err)
	}
	m.Fail(ErrLocked)
	if _, err := m.Get(ctx, key.ID()); !errors.Is(err, ErrLocked) {
		t.Errorf("Get of a locked one: %v", err)
	}
	if err := m.Put(ctx, NewKey()); !errors.Is(err, ErrLocked) || m.Len() != 1 {
		t.Errorf("Put into a locked one: %v", err)
	}
	if err := m.Check(ctx); !errors.Is(err, ErrLocked) {
		t.Errorf("Check of a locked one: %v", err)
	}
}
