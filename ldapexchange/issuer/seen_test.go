package issuer

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// What was verified once is not verified again, and nothing else changes: the
// clock, another signature, and the key's end are looked at each time.
func TestSeenTokensAreNotTakenForMore(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	token := mustSign(t, k, claims(now))
	verify := func(name, token string, want Reason) {
		t.Helper()
		_, err := k.Verify(token)
		wantReason(t, name, err, want)
	}
	verify("first", token, "")
	if got := k.set.Load().keys[0].seen.get(sha256.Sum256([]byte(token))); got == nil {
		t.Fatal("it is not remembered")
	}
	verify("again", token, "")
	bob := claims(now)
	bob.Name = "bob"
	parts, other := strings.Split(token, "."), strings.Split(mustSign(t, k, bob), ".")
	verify("another's signature", parts[0]+"."+parts[1]+"."+other[2], Signature)
	verify("another kind", k.set.Load().keys[0].headers[AccessToken]+"."+parts[1]+"."+parts[2], Signature)
	now.add(11 * time.Minute)
	verify("ended", token, Expired)
	now.add(-11 * time.Minute)
	if _, err := k.Replace(); err != nil {
		t.Fatal(err)
	}
	verify("the key was replaced", token, UnknownKey)
}

// Whoever serves tends the keys every minute, and an API server asks again after
// two.
func TestSeenOutlivesTend(t *testing.T) {
	t.Parallel()
	now := newClock()
	k := mustOpen(t, options(t, now, ES256))
	token := mustSign(t, k, claims(now))
	if _, err := k.Verify(token); err != nil {
		t.Fatal(err)
	}
	if err := k.Tend(); err != nil {
		t.Fatal(err)
	}
	if k.set.Load().keys[0].seen.get(sha256.Sum256([]byte(token))) == nil {
		t.Error("it is forgotten")
	}
}

func TestSeenIsBounded(t *testing.T) {
	t.Parallel()
	const size, many = 1 << 10, 3 * seenBytes >> 10
	var s seen
	digest := func(i int) [sha256.Size]byte { return [sha256.Size]byte{byte(i), byte(i >> 8)} }
	for i := range many {
		s.add(digest(i), size, new(wire))
		if held := len(s.young) + len(s.old); held*size > 2*seenBytes {
			t.Fatalf("%d tokens are held", held)
		}
	}
	if s.get(digest(0)) != nil || s.get(digest(many-1)) == nil || s.get(digest(many-seenBytes/size)) == nil {
		t.Error("the oldest is held, or one of the newest is not")
	}
}
