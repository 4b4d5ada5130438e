package state

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func token(now *clock, id string) Token {
	issued := now.now().Truncate(time.Second) // as in a JWT
	return Token{ID: id, Session: "sid", User: "5f0f-0001", IssuedAt: issued, Expiry: issued.Add(10 * time.Minute)}
}

func wantCheck(t *testing.T, name string, r *Revocations, token Token, want error) {
	t.Helper()
	if err := r.Check(context.Background(), token); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

func TestRevocationIsKeptAsLongAsTheToken(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := newClock()
	s := openTemp(t, now)
	r := mustRooms(t, s, now.now).revoked
	now.add(time.Second)
	long := token(now, strings.Repeat("j", 1000)) // an ID from outside that no key has room for
	other := token(now, "other")
	other.Session = ""
	wantCheck(t, "fresh", r, long, nil)
	for range 2 {
		if err := r.Revoke(ctx, long); err != nil {
			t.Fatal(err)
		}
	}
	wantCheck(t, "revoked", r, long, ErrRevoked)
	wantCheck(t, "another", r, other, nil)
	now.add(10*time.Minute + 30*time.Second) // a verifier may still take it
	if _, err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, "beyond its end", r, long, ErrRevoked)
	now.add(slack)
	if n, err := s.Sweep(ctx); err != nil || n != 1 {
		t.Errorf("%d kept, %v", n, err)
	}
}

func TestRevocationUntilNow(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := newClock()
	rooms := mustRooms(t, openTemp(t, now), now.now)
	now.add(time.Second)
	before := token(now, "a")
	bobs := token(now, "b")
	bobs.User = "5f0f-0002"
	if err := rooms.sessions.RevokeUser(ctx, before.User); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, "before", rooms.revoked, before, ErrRevoked)
	wantCheck(t, "another user's", rooms.revoked, bobs, nil)
	now.add(time.Second)
	after := token(now, "c")
	wantCheck(t, "after", rooms.revoked, after, nil)
	if err := rooms.sessions.RevokeAll(ctx); err != nil {
		t.Fatal(err)
	}
	for _, token := range []Token{before, bobs, after} {
		wantCheck(t, "all, "+token.ID, rooms.revoked, token, ErrRevoked)
	}
	now.add(time.Second)
	wantCheck(t, "after all", rooms.revoked, token(now, "d"), nil)
}

func TestEmptyStoreRefusesWhatIsOlder(t *testing.T) {
	t.Parallel()
	now := newClock()
	older := token(now, "older")
	now.add(time.Second)
	path := statePath(t.TempDir())
	s := openAt(t, path, now.now)
	r := mustRooms(t, s, now.now).revoked
	wantCheck(t, "older than the store", r, older, ErrRevoked)
	young := token(now, "young")
	wantCheck(t, "of the same second", r, young, nil)
	mustClose(t, s)
	now.add(time.Hour)
	again := mustRooms(t, openAt(t, path, now.now), now.now).revoked
	wantCheck(t, "after a restart", again, young, nil)
	if !again.Epoch().Equal(r.Epoch()) {
		t.Error("a restart began a new epoch")
	}
}

// A copy knows not what was revoked since: whoever opens it refuses all that
// is older, tokens and sessions.
func TestRestoredStoreRefusesWhatIsOlder(t *testing.T) {
	t.Parallel()
	for name, restore := range map[string]func(path, backup string) error{
		"by Backup, renamed": func(path, backup string) error { return os.Rename(backup, path) },
		"by Backup, written over": func(path, backup string) error {
			data, err := os.ReadFile(backup)
			return errors.Join(err, os.WriteFile(path, data, 0o600))
		},
		"by a copy of the file": func(path, _ string) error { // the old one is in the way of its inode
			data, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".lost"), os.WriteFile(path, data, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			now := newClock()
			dir := t.TempDir()
			path, backup := statePath(dir), filepath.Join(dir, "state", "backup.db")
			s := openAt(t, path, now.now)
			r := mustRooms(t, s, now.now)
			_, refresh := begin(t, r.sessions, begun())
			older := token(now, "older")
			if err := s.Backup(ctx, backup); err != nil {
				t.Fatal(err)
			}
			if err := s.Backup(ctx, backup); err == nil {
				t.Error("a backup was overwritten")
			}
			if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			wantCheck(t, "where the backup was made", r.revoked, older, nil)
			refresh = mustRotate(t, r.sessions, refresh)
			mustClose(t, s)
			if err := restore(path, backup); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, path, now.now)
			restored := mustRooms(t, s, now.now)
			wantCheck(t, "older than the restored store", restored.revoked, older, ErrRevoked)
			wantRotate(t, "a session of before", restored.sessions, refresh, ErrSession)
			now.add(time.Second)
			wantCheck(t, "younger", restored.revoked, token(now, "younger"), nil)
			_, refresh = begin(t, restored.sessions, begun())
			wantRotate(t, "a new session", restored.sessions, refresh, nil)
			mustClose(t, s)
			again := mustRooms(t, openAt(t, path, now.now), now.now).revoked
			if !again.Epoch().Equal(restored.revoked.Epoch()) {
				t.Error("it is restored at each start")
			}
		})
	}
}

// A store that cannot be asked lets nothing pass.
func TestCheckFailsClosed(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := openTemp(t, now)
	r := mustRooms(t, s, now.now).revoked
	now.add(time.Second)
	mustClose(t, s)
	wantCheck(t, "closed", r, token(now, "j"), ErrUnavailable)
}

// A revocation of a user outlives the longest session that there may be, also
// one that began while sessions lived longer.
func TestARevocationOutlivesSessionsOfAnEarlierConfiguration(t *testing.T) {
	for name, revoke := range map[string]func(*Sessions) error{
		"user": func(s *Sessions) error { return s.RevokeUser(context.Background(), begun().User) },
		"all":  func(s *Sessions) error { return s.RevokeAll(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			store := openTemp(t, c)
			before := mustRooms(t, store, c.now)
			_, token, err := before.sessions.Create(context.Background(), begun())
			if err != nil {
				t.Fatal(err)
			}
			c.add(time.Minute)
			revoked, err := NewRevocations(context.Background(), store, time.Hour, c.now)
			if err != nil {
				t.Fatal(err)
			}
			after := NewSessions(store, revoked, time.Hour, c.now)
			if err := revoke(after); err != nil {
				t.Fatal(err)
			}
			c.add(2 * time.Hour)
			if _, _, err := after.Rotate(context.Background(), token, "kubernetes", nil); err != ErrSession {
				t.Errorf("a revoked session lives again: %v", err)
			}
		})
	}
}
