package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-5ecret"

type nested struct {
	Name  string
	inner struct{ token Text }
	Open  Text
}

func TestTextIsNeverPrinted(t *testing.T) {
	n := nested{Name: "n", Open: New(canary)}
	n.inner.token = New(canary)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb, n.Open)
		fmt.Fprintf(&out, verb, n)
		fmt.Fprintf(&out, verb, &n)
		fmt.Fprintf(&out, verb, []any{n.inner, map[string]Text{"k": n.Open}})
	}
	for _, h := range []slog.Handler{
		slog.NewJSONHandler(&out, nil),
		slog.NewTextHandler(&out, nil),
	} {
		slog.New(h).Info("m", "text", n.Open, "struct", n, "group", slog.GroupValue(slog.Any("t", n.Open)))
	}
	if err := json.NewEncoder(&out).Encode(n); err != nil {
		t.Fatal(err)
	}
	hexed := fmt.Sprintf("%x", canary)
	if s := out.String(); strings.Contains(s, canary) || strings.Contains(s, hexed) {
		t.Errorf("the secret was printed:\n%s", s)
	}
	if !strings.Contains(out.String(), Redacted) {
		t.Error("a secret that is there should show as " + Redacted)
	}
}

func TestTextKeepsItsValue(t *testing.T) {
	if got := New(canary).Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
	if (Text{}).Reveal() != "" || !New("").Empty() || New("x").Empty() {
		t.Error("the empty text is not empty, or another is")
	}
	if !New("a").Equal(New("a")) || New("a").Equal(New("b")) || New("a").Equal(Text{}) {
		t.Error("Equal is wrong")
	}
}
