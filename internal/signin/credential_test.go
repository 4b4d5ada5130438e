package signin

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
)

func TestWantsRenewal(t *testing.T) {
	tests := []struct {
		lifetime, left time.Duration
		want           bool
	}{
		{time.Hour, 6 * time.Minute, false},
		{time.Hour, 5*time.Minute + 10*time.Second, false},
		{time.Hour, 5*time.Minute + 9*time.Second, true},
		{time.Minute, 21 * time.Second, false},
		{time.Minute, 19 * time.Second, true},
		{0, time.Hour, false}, // never expires
	}
	for _, test := range tests {
		c := Credential{Token: secret.New("t")}
		if test.lifetime > 0 {
			c.Expiry = start.Add(test.left)
			c.Issued = c.Expiry.Add(-test.lifetime)
		}
		if got := c.wantsRenewal(start); got != test.want {
			t.Errorf("%v of %v left: %v", test.left, test.lifetime, got)
		}
	}
}

func TestLives(t *testing.T) {
	token := secret.New("t")
	tests := []struct {
		name string
		c    Credential
		want bool
	}{
		{"nothing", Credential{}, false},
		{"without an end", Credential{Token: token}, true},
		{"a certificate", Credential{ClientCertificate: "c"}, true},
		{"an hour left", Credential{Token: token, Expiry: start.Add(time.Hour)}, true},
		{"a second left", Credential{Token: token, Expiry: start.Add(time.Second)}, false},
		{"past", Credential{Token: token, Expiry: start.Add(-time.Second)}, false},
		{"a clock set back", Credential{Token: token, Issued: start.Add(time.Hour), Expiry: start.Add(2 * time.Hour)}, true},
	}
	for _, test := range tests {
		if got := test.c.lives(start); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestEntryRoundTrips(t *testing.T) {
	want := entry{
		Credential: Credential{
			Token: secret.New("token"), ClientCertificate: "certificate", ClientKey: secret.New("key"),
			Issued: start, Expiry: start.Add(time.Hour),
		},
		Session: []byte{0, 1, 2, 0xff},
		About:   []byte("about"),
	}
	record, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(record); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if grant, err := Read(record); err != nil || !reflect.DeepEqual(entry(grant), want) {
		t.Errorf("Read: %+v, %v", grant, err)
	}
}

func TestEntryDoesNotPrint(t *testing.T) {
	e := entry{Credential: Credential{Token: secret.New("canary"), ClientKey: secret.New("canary")}}
	if got := fmt.Sprintf("%v %+v %#v", e, e.Credential, e.Credential); strings.Contains(got, "canary") {
		t.Error(got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"token":"t","issued":"2026-11-23T12:00:00Z","session":"czE="}`))
	f.Add([]byte(`{"issued":0}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		e := decode(cache.Record{Payload: payload})
		if record, err := e.encode(); err == nil {
			if again := decode(record); !again.Credential.Token.Equal(e.Credential.Token) {
				t.Errorf("%q changed on the way", payload)
			}
		}
	})
}
