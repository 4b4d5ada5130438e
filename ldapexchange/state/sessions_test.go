package state

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

func begin(t testing.TB, s *Sessions, session Session) (Session, secret.Text) {
	t.Helper()
	made, token, err := s.Create(context.Background(), session)
	if err != nil {
		t.Fatal(err)
	}
	return made, token
}

func rotate(s *Sessions, token secret.Text) (secret.Text, error) {
	_, next, err := s.Rotate(context.Background(), token, "kubernetes", nil)
	return next, err
}

func mustRotate(t testing.TB, s *Sessions, token secret.Text) secret.Text {
	t.Helper()
	next, err := rotate(s, token)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func wantRotate(t *testing.T, name string, s *Sessions, token secret.Text, want error) {
	t.Helper()
	if next, err := rotate(s, token); !errors.Is(err, want) || err != nil && !next.Empty() {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

func TestSessionGoesOnUntilItsEnd(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	made, token := begin(t, r.sessions, begun())
	if !made.Ends.Equal(now.now().Add(sessionLife)) || !strings.HasPrefix(token.Reveal(), "kcrt_") {
		t.Errorf("%+v", made)
	}
	for range 71 { // renewals do not prolong it
		now.add(10 * time.Minute)
		token = mustRotate(t, r.sessions, token)
	}
	got, err := r.sessions.Get(context.Background(), made.ID)
	if err != nil || !got.Ends.Equal(made.Ends) || !got.Used.Equal(now.now()) || got.Audience != "cluster-a" {
		t.Errorf("%+v, %v", got, err)
	}
	now.add(10 * time.Minute)
	wantRotate(t, "at its end", r.sessions, token, ErrSession)
	if _, err := r.sessions.Get(context.Background(), made.ID); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(*clock, *Sessions, secret.Text) secret.Text{
		"the one before, once its successor is used": func(_ *clock, s *Sessions, next secret.Text) secret.Text { return mustRotate(t, s, next) },
		"the one before, after the grace":            func(c *clock, _ *Sessions, next secret.Text) secret.Text { c.add(Grace); return next },
		"an old one": func(c *clock, s *Sessions, next secret.Text) secret.Text {
			for range 100 {
				c.add(time.Second)
				next = mustRotate(t, s, next)
			}
			return next
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			r := mustRooms(t, openTemp(t, now), now.now)
			made, first := begin(t, r.sessions, begun())
			good := late(now, r.sessions, mustRotate(t, r.sessions, first))
			wantRotate(t, "the first", r.sessions, first, ErrReuse)
			wantRotate(t, "the good one, afterwards", r.sessions, good, ErrSession)
			wantRotate(t, "the first, afterwards", r.sessions, first, ErrSession)
			// Tokens of the session are refused as well.
			err := r.revoked.Check(context.Background(), Token{ID: "j", Session: made.ID, User: made.User, IssuedAt: now.now()})
			if !errors.Is(err, ErrRevoked) {
				t.Errorf("its tokens: %v", err)
			}
		})
	}
}

// A store that takes nothing when a thief comes does so when he comes again,
// and he gets nothing meanwhile.
func TestReuseOnAFullDisk(t *testing.T) {
	t.Parallel()
	now := newClock()
	store := &brokenStore{Store: openTemp(t, now)}
	r := mustRooms(t, store, now.now)
	_, first := begin(t, r.sessions, begun())
	good := mustRotate(t, r.sessions, mustRotate(t, r.sessions, first))
	store.broken.Store(true)
	wantRotate(t, "the first", r.sessions, first, ErrReuse)
	wantRotate(t, "the first", r.sessions, first, ErrUnavailable)
	wantRotate(t, "the good one", r.sessions, good, ErrUnavailable)
	store.broken.Store(false)
	wantRotate(t, "the good one keeps", r.sessions, good, nil)
	wantRotate(t, "the first", r.sessions, first, ErrReuse)
	wantRotate(t, "the good one", r.sessions, good, ErrSession)
}

// A lost answer is given once more, and is the same.
func TestGraceRepeatsTheAnswer(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	_, first := begin(t, r.sessions, begun())
	second := mustRotate(t, r.sessions, first)
	now.add(Grace - time.Second)
	if again := mustRotate(t, r.sessions, first); !again.Equal(second) {
		t.Error("another successor")
	}
	wantRotate(t, "the second", r.sessions, second, nil)
}

func TestRotateRefusesWhatWasNeverIssued(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	_, good := begin(t, r.sessions, begun())
	other, _ := begin(t, r.sessions, begun())
	parsed, _ := parseRefresh(good)
	forged := func(change func(*refreshToken)) secret.Text {
		f := parsed
		change(&f)
		return f.text(randomBytes(32))
	}
	raw := good.Reveal()
	for name, token := range map[string]secret.Text{
		"nothing":            {},
		"a word":             secret.New("word"),
		"no prefix":          secret.New(raw[len(tokenPrefix):]),
		"cut":                secret.New(raw[:len(raw)-1]),
		"longer":             secret.New(raw + "A"),
		"a line break":       secret.New(raw[:20] + "\n" + raw[21:]),
		"huge":               secret.New(strings.Repeat(raw, 1000)),
		"its tag forged":     forged(func(*refreshToken) {}),
		"a guess":            forged(func(t *refreshToken) { t.secret = [secretSize]byte{} }),
		"another session's":  forged(func(t *refreshToken) { t.session = sessionBytes(other.ID) }),
		"an unknown session": forged(func(t *refreshToken) { t.session[31]++ }),
	} {
		wantRotate(t, name, r.sessions, token, ErrSession)
	}
	if _, _, err := r.sessions.Rotate(context.Background(), good, "another client", nil); !errors.Is(err, ErrSession) {
		t.Errorf("another client: %v", err)
	}
	wantRotate(t, "the good one, after all that", r.sessions, good, nil)
}

func sessionBytes(id string) (out [idSize]byte) {
	first, second, _ := strings.Cut(id, ".")
	a, _ := base64.RawURLEncoding.DecodeString(first)
	b, _ := base64.RawURLEncoding.DecodeString(second)
	copy(out[:], append(a, b...))
	return out
}

// Who reads the store makes a tag, but no secret: the session ends and is not
// used.
func TestReaderOfTheStoreMakesNoToken(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	made, good := begin(t, r.sessions, begun())
	stored, _, err := r.sessions.load(context.Background(), made.ID)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := parseRefresh(good)
	copy(parsed.secret[:], stored.Hash)
	wantRotate(t, "a right tag", r.sessions, parsed.text(stored.TagKey), ErrReuse)
}

// hangUp cancels the caller's context once a session was read.
type hangUp struct {
	Store
	cancel context.CancelFunc
}

func (h hangUp) Get(ctx context.Context, key string) (Entry, error) {
	e, err := h.Store.Get(ctx, key)
	if key == allKey() { // the last that is read
		h.cancel()
	}
	return e, err
}

func TestReuseIsPunishedThoughTheThiefHangsUp(t *testing.T) {
	t.Parallel()
	now := newClock()
	store := openTemp(t, now)
	r := mustRooms(t, store, now.now)
	_, first := begin(t, r.sessions, begun())
	good := mustRotate(t, r.sessions, mustRotate(t, r.sessions, first))
	ctx, cancel := context.WithCancel(context.Background())
	thief := mustRooms(t, hangUp{store, cancel}, now.now)
	if _, _, err := thief.sessions.Rotate(ctx, first, "kubernetes", nil); !errors.Is(err, ErrReuse) || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantRotate(t, "the good one", r.sessions, good, ErrSession)
}

// The directory is down, or does not know the user: the token stays good.
func TestRotateAsksFirst(t *testing.T) {
	t.Parallel()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	_, token := begin(t, r.sessions, begun())
	down := errors.New("down")
	for range 3 {
		_, next, err := r.sessions.Rotate(context.Background(), token, "kubernetes", func(s Session) error {
			if s.User != begun().User {
				t.Errorf("%+v", s)
			}
			return down
		})
		if err != down || !next.Empty() {
			t.Errorf("%v", err)
		}
	}
	now.add(2 * Grace)
	wantRotate(t, "up again", r.sessions, token, nil)
	asked := errors.New("asked")
	_, _, err := r.sessions.Rotate(context.Background(), token, "kubernetes", func(Session) error { return asked })
	if !errors.Is(err, asked) {
		t.Errorf("a repeated answer asks as well: %v", err)
	}
}

func TestRevocationEndsSessions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	bob := begun()
	bob.User, bob.Name = "5f0f-0002", "bob"
	alice1, token1 := begin(t, r.sessions, begun())
	alice2, token2 := begin(t, r.sessions, begun())
	_, token3 := begin(t, r.sessions, bob)
	if got := names(t, r.sessions, begun().User); !slices.Equal(got, []string{"alice", "alice"}) {
		t.Errorf("%v", got)
	}

	if err := r.sessions.Revoke(ctx, alice1.ID); err != nil {
		t.Fatal(err)
	}
	if err := r.sessions.Revoke(ctx, alice1.ID); !errors.Is(err, ErrSession) {
		t.Errorf("twice: %v", err)
	}
	wantRotate(t, "the revoked session", r.sessions, token1, ErrSession)
	token2 = mustRotate(t, r.sessions, token2)

	now.add(time.Minute)
	if err := r.sessions.RevokeUser(ctx, alice2.User); err != nil {
		t.Fatal(err)
	}
	wantRotate(t, "the revoked user", r.sessions, token2, ErrSession)
	token3 = mustRotate(t, r.sessions, token3)
	now.add(time.Nanosecond) // she signs in again
	_, token4 := begin(t, r.sessions, begun())
	token4 = mustRotate(t, r.sessions, token4)
	if got := names(t, r.sessions, ""); !slices.Equal(sorted(got), []string{"alice", "bob"}) {
		t.Errorf("%v", got)
	}

	now.add(time.Minute)
	if err := r.sessions.RevokeAll(ctx); err != nil {
		t.Fatal(err)
	}
	for _, token := range []secret.Text{token3, token4} {
		wantRotate(t, "all revoked", r.sessions, token, ErrSession)
	}
	if got := names(t, r.sessions, ""); got != nil {
		t.Errorf("%v", got)
	}
	now.add(time.Nanosecond)
	_, token5 := begin(t, r.sessions, begun())
	wantRotate(t, "a new one", r.sessions, token5, nil)
}

func sorted(s []string) []string { slices.Sort(s); return s }

func names(t *testing.T, s *Sessions, user string) (found []string) {
	t.Helper()
	for session, err := range s.List(context.Background(), user) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, session.Name)
	}
	return found
}

func TestFindKnowsSpentTokens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := newClock()
	r := mustRooms(t, openTemp(t, now), now.now)
	made, first := begin(t, r.sessions, begun())
	second := mustRotate(t, r.sessions, first)
	for _, token := range []secret.Text{first, second} {
		if got, err := r.sessions.Find(ctx, token); err != nil || got.ID != made.ID {
			t.Errorf("%+v, %v", got, err)
		}
	}
	parsed, _ := parseRefresh(first)
	for _, token := range []secret.Text{{}, parsed.text(randomBytes(32))} {
		if _, err := r.sessions.Find(ctx, token); !errors.Is(err, ErrSession) {
			t.Errorf("%v", err)
		}
	}
}

// A session that was revoked can be named, by its own token alone, and lives for
// nobody.
func TestRevokedSessionIsNamed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, revoke := range map[string]func(*Sessions, Session) error{
		"by its ID": func(s *Sessions, made Session) error { return s.Revoke(ctx, made.ID) },
		"by its ID twice": func(s *Sessions, made Session) error {
			_ = s.Revoke(ctx, made.ID)
			_ = s.Revoke(ctx, made.ID)
			return nil
		},
		"with its user": func(s *Sessions, made Session) error { return s.RevokeUser(ctx, made.User) },
		"with all":      func(s *Sessions, _ Session) error { return s.RevokeAll(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			s := mustRooms(t, openTemp(t, now), now.now).sessions
			made, token := begin(t, s, begun())
			parsed, _ := parseRefresh(token)
			if err := revoke(s, made); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Find(ctx, token); !errors.Is(err, ErrSession) || got.ID != made.ID || got.User != made.User {
				t.Errorf("%+v, %v", got, err)
			}
			for _, key := range [][]byte{randomBytes(32), nil} {
				if got, err := s.Find(ctx, parsed.text(key)); !errors.Is(err, ErrSession) || got != (Session{}) {
					t.Errorf("a forged one: %+v, %v", got, err)
				}
			}
			if got, err := s.Get(ctx, made.ID); !errors.Is(err, ErrSession) || got != (Session{}) {
				t.Errorf("by its ID: %+v, %v", got, err)
			}
			if got, next, err := s.Rotate(ctx, token, made.Client, nil); !errors.Is(err, ErrSession) || got != (Session{}) || !next.Empty() {
				t.Errorf("renewed: %+v, %v", got, err)
			}
		})
	}
}

// One that nobody knows has no name, not even for who makes a tag for it.
func TestUnknownSessionIsNotNamed(t *testing.T) {
	t.Parallel()
	now := newClock()
	s := mustRooms(t, openTemp(t, now), now.now).sessions
	unknown := refreshToken{}
	if err := s.Revoke(context.Background(), sessionID(unknown.session[:])); !errors.Is(err, ErrSession) {
		t.Error(err)
	}
	if got, err := s.Find(context.Background(), unknown.text(nil)); !errors.Is(err, ErrSession) || got != (Session{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// What lies on the disk lets nobody in, and errors tell nobody.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	now := newClock()
	path := statePath(t.TempDir())
	s := openAt(t, path, now.now)
	r := mustRooms(t, s, now.now)
	attempts := mustAttempts(t, s, Limits{}, now)
	canary := secret.New("canary-5ecret")
	_, first := begin(t, r.sessions, begun())
	second := mustRotate(t, r.sessions, first)
	third := mustRotate(t, r.sessions, second)
	begin(t, r.sessions, begun()) // which stays
	errs := []error{}
	_, err := rotate(r.sessions, first)
	errs = append(errs, err)
	_, err = rotate(r.sessions, third)
	errs = append(errs, err, fail(attempts, "alice", canary), fail(attempts, "alice", canary))
	mustClose(t, s)
	_, err = rotate(r.sessions, third)
	errs = append(errs, err)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := string(data) + fmt.Sprintf("%v %+v %#v", errs, errs, errs)
	for _, text := range []secret.Text{first, second, third} {
		token, ok := parseRefresh(text)
		encode := base64.StdEncoding.EncodeToString(token.secret[:])
		if !ok || strings.Contains(seen, text.Reveal()) || strings.Contains(seen, string(token.secret[:])) || strings.Contains(seen, encode) {
			t.Error("a token is to be seen")
		}
	}
	if strings.Contains(seen, canary.Reveal()) || !strings.Contains(seen, "kubernetes") {
		t.Error("the password is to be seen, or nothing is")
	}
}

func FuzzParseRefresh(f *testing.F) {
	tagKey := []byte("key")
	f.Add(refreshToken{}.text(tagKey).Reveal())
	f.Add("kcrt_")
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parseRefresh(secret.New(text))
		if !ok {
			return
		}
		whole := append(token.signed(), token.tag[:]...)
		if tokenPrefix+base64.RawURLEncoding.EncodeToString(whole) != text {
			t.Errorf("%q has two forms", text)
		}
	})
}
