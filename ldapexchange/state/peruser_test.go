package state

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// fillUp gives alice as many sessions as she may have, a second between each.
func fillUp(t testing.TB, c *clock, s *Sessions) (made []Session, tokens []secret.Text) {
	t.Helper()
	for range PerUser {
		session, token := begin(t, s, begun())
		made, tokens = append(made, session), append(tokens, token)
		c.add(time.Second)
	}
	return made, tokens
}

func TestSessionThatIsNotUsedMakesRoom(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	bob := begun()
	bob.User, bob.Name = "5f0f-0002", "bob"
	_, bobs := begin(t, r.sessions, bob)
	made, tokens := fillUp(t, now, r.sessions)
	tokens[0] = mustRotate(t, r.sessions, tokens[0])
	_, last := begin(t, r.sessions, begun())
	wantRotate(t, "the oldest that is not in use", r.sessions, tokens[1], ErrSession)
	token := Token{ID: "j", Session: made[1].ID, User: made[1].User, IssuedAt: now.now()}
	if err := r.revoked.Check(context.Background(), token); !errors.Is(err, ErrRevoked) {
		t.Errorf("its tokens: %v", err)
	}
	wantRotate(t, "the oldest", r.sessions, tokens[0], nil)
	wantRotate(t, "the new one", r.sessions, last, nil)
	wantRotate(t, "another user's", r.sessions, bobs, nil)
	if got := len(names(t, r.sessions, begun().User)); got != PerUser {
		t.Errorf("%d sessions", got)
	}
}

// A session that cannot be read is the first to go, and keeps nobody out.
func TestUnreadableSessionMakesRoom(t *testing.T) {
	t.Parallel()
	now := newClock()
	store := openTemp(t, now)
	r := mustRooms(t, store, now.now)
	_, tokens := fillUp(t, now, r.sessions)
	key := userPrefix(begun().User) + "broken"
	if _, err := store.Put(t.Context(), key, []byte("{"), 0, now.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	begin(t, r.sessions, begun())
	if _, err := store.Get(t.Context(), key); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	wantRotate(t, "the second", r.sessions, tokens[1], nil)
}

// hangUpOnPut cancels the caller's context once something was written.
type hangUpOnPut struct {
	Store
	cancel context.CancelFunc
}

func (h hangUpOnPut) Put(ctx context.Context, key string, value []byte, version uint64, expiry time.Time) (uint64, error) {
	defer h.cancel()
	return h.Store.Put(ctx, key, value, version, expiry)
}

func TestSessionsAreBoundedThoughTheCallerHangsUp(t *testing.T) {
	t.Parallel()
	now := newClock()
	store := openTemp(t, now)
	fillUp(t, now, mustRooms(t, store, now.now).sessions)
	ctx, cancel := context.WithCancel(context.Background())
	r := mustRooms(t, hangUpOnPut{store, cancel}, now.now)
	if _, _, err := r.sessions.Create(ctx, begun()); err != nil {
		t.Error(err)
	}
	if got := len(names(t, r.sessions, begun().User)); got != PerUser {
		t.Errorf("%d sessions", got)
	}
}
