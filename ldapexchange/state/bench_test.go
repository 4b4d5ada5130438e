package state

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// BenchmarkCheck is what a TokenReview asks of the store.
func BenchmarkCheck(b *testing.B) {
	now := newClock()
	r := mustRooms(b, openTemp(b, now), now.now).revoked
	now.add(time.Second)
	good := token(now, "jti")
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Check(context.Background(), good); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogin is what a login writes: by one, and by many at once.
func BenchmarkLogin(b *testing.B) {
	login := func(b *testing.B, a *Attempts, s *Sessions) {
		try, err := a.Begin(context.Background(), "alice", netip.MustParseAddr("192.0.2.7"), secret.New("right"))
		if err != nil {
			b.Fatal(err)
		}
		defer try.Done()
		if err := try.Passed(context.Background()); err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.Create(context.Background(), begun()); err != nil {
			b.Fatal(err)
		}
	}
	now := newClock()
	store := openTemp(b, now)
	a, s := mustAttempts(b, store, Limits{User: 64}, now), mustRooms(b, store, now.now).sessions
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			login(b, a, s)
		}
	})
	b.Run("many", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				login(b, a, s)
			}
		})
	})
}
