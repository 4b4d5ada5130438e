package state

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	sessionPrefix = "session/"

	// Grace is for how long a refresh token that was spent is answered once
	// more, with the same successor, provided that this has not been used: the
	// answer was lost, because the server was killed or the line went. A thief
	// who comes in that time gets no more than the owner has, and the first of
	// the two to use it shuts out the other, who is then seen to reuse it.
	// RFC 9700, section 4.14.2, asks for rotation and detection, and leaves
	// this open.
	Grace = time.Minute
	// rotateTries bounds the compare-and-swap of a rotation.
	rotateTries = 5
)

var (
	// ErrSession: there is no such session, or it has ended, or it was
	// revoked, or the token was never one of its.
	ErrSession = errors.New("state: no such session")
	// ErrReuse: the refresh token was spent before. Its session is revoked:
	// of the two who had the token one is a thief.
	ErrReuse = errors.New("state: the refresh token was used before; its session is revoked")
)

// Session is somebody's, at one client, from a password to the next.
type Session struct {
	ID       string    `json:"-"`    // sid; no secret
	User     string    `json:"user"` // Identity.ID
	Name     string    `json:"name"`
	Client   string    `json:"client"`
	Audience string    `json:"audience,omitempty"`
	Scope    string    `json:"scope,omitempty"`
	Address  string    `json:"address,omitempty"` // from which it was begun
	Created  time.Time `json:"created"`
	Used     time.Time `json:"used"` // last renewed
	Ends     time.Time `json:"ends"` // whatever happens
}

// record is a Session as it is stored.
type record struct {
	Session
	Hash   []byte `json:"hash"` // SHA-256 of the secret that is good now
	TagKey []byte `json:"tagKey"`
	// The one before it, and the salt with which the good one follows from it.
	Last []byte `json:"last,omitempty"`
	Salt []byte `json:"salt,omitempty"`
}

// Sessions are kept in a Store, one entry each.
type Sessions struct {
	store   Store
	revoked *Revocations
	life    time.Duration
	now     func() time.Time
}

// NewSessions returns the sessions of a store, which end after life, however
// often they are renewed. They are revoked through revoked, which has to be of
// the same store. now may be nil.
func NewSessions(store Store, revoked *Revocations, life time.Duration, now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{store, revoked, life, now}
}

// Create begins a session of User, Name, Client and what else s says, and
// returns it with the first refresh token. Of a user who has PerUser sessions
// the one that was not renewed for the longest time ends, and its tokens. Errors: ErrUnavailable.
func (s *Sessions) Create(ctx context.Context, session Session) (Session, secret.Text, error) {
	if session.User == "" {
		return Session{}, secret.Text{}, errors.New("state: a session is somebody's")
	}
	token := refreshToken{}
	copy(token.session[:], append(userHash(session.User), randomBytes(idSize/2)...))
	copy(token.secret[:], randomBytes(secretSize))
	session.ID = sessionID(token.session[:])
	session.Created = s.now().UTC()
	session.Used, session.Ends = session.Created, session.Created.Add(s.life)
	r := record{Session: session, Hash: token.hash(), TagKey: randomBytes(32)}
	if _, err := s.put(ctx, r, 0); err != nil {
		return Session{}, secret.Text{}, err
	}
	if err := s.makeRoom(ctx, session); err != nil {
		return Session{}, secret.Text{}, err
	}
	return session, token.text(r.TagKey), nil
}

// Rotate spends a refresh token of a client's and returns its session and
// successor. allowed is asked before anything is written, with the session as
// it is: whether the directory still knows the user, and whatever else; its
// error is returned and the token stays good. It may be nil, and is asked again
// where somebody else rotated meanwhile.
//
// Errors: ErrSession; ErrReuse, after which the session is revoked;
// ErrUnavailable, after which the token, or within Grace its successor, is
// good.
func (s *Sessions) Rotate(ctx context.Context, token secret.Text, client string, allowed func(Session) error) (Session, secret.Text, error) {
	t, ok := parseRefresh(token)
	if !ok {
		return Session{}, secret.Text{}, ErrSession
	}
	for range rotateTries {
		next, session, err := s.rotate(ctx, t, client, allowed)
		if !errors.Is(err, ErrConflict) {
			return session, next, err
		}
	}
	return Session{}, secret.Text{}, unavailable(errors.New("a session changes all the time"))
}

func (s *Sessions) rotate(ctx context.Context, t refreshToken, client string, allowed func(Session) error) (secret.Text, Session, error) {
	r, version, err := s.load(ctx, sessionID(t.session[:]))
	if err != nil {
		return secret.Text{}, Session{}, err
	}
	if !t.issued(r.TagKey) || r.Client != client {
		return secret.Text{}, Session{}, ErrSession
	}
	repeated := s.repeats(t, r)
	if !repeated && subtle.ConstantTimeCompare(t.hash(), r.Hash) != 1 {
		return secret.Text{}, Session{}, s.reused(ctx, r)
	}
	if allowed != nil {
		if err := allowed(r.Session); err != nil {
			return secret.Text{}, Session{}, err
		}
	}
	if repeated {
		return t.next(r.Salt).text(r.TagKey), r.Session, nil
	}
	r.Last, r.Salt = t.hash(), randomBytes(32)
	next := t.next(r.Salt)
	r.Hash, r.Used = next.hash(), s.now().UTC()
	if _, err := s.put(ctx, r, version); err != nil {
		return secret.Text{}, Session{}, err
	}
	return next.text(r.TagKey), r.Session, nil
}

// repeats: the token is the one before the good one, which followed from it a
// moment ago and was not used since.
func (s *Sessions) repeats(t refreshToken, r record) bool {
	since := s.now().Sub(r.Used)
	return subtle.ConstantTimeCompare(t.hash(), r.Last) == 1 && -Grace < since && since < Grace
}

func (s *Sessions) reused(ctx context.Context, r record) error {
	err := s.Revoke(context.WithoutCancel(ctx), r.ID) // a thief may hang up
	if err != nil && !errors.Is(err, ErrSession) {
		return fmt.Errorf("%w, or will be when it comes again: %w", ErrReuse, err)
	}
	return ErrReuse
}

// load returns a session that lives. One that was revoked, or what is left of it,
// comes with ErrSession: it MUST NOT pass for a living one, and may be named.
func (s *Sessions) load(ctx context.Context, id string) (record, uint64, error) {
	e, err := s.store.Get(ctx, sessionPrefix+id)
	if errors.Is(err, ErrNotFound) {
		return s.ended(ctx, id), 0, ErrSession
	} else if err != nil {
		return record{}, 0, err
	}
	r, err := parseSession(e)
	if err != nil {
		return record{}, 0, err
	}
	switch err := s.revoked.check(ctx, r.Session); {
	case errors.Is(err, ErrRevoked):
		return r, 0, ErrSession
	case err != nil:
		return record{}, 0, err
	}
	return r, e.Version, nil
}

func parseSession(e Entry) (r record, err error) {
	if json.Unmarshal(e.Value, &r) != nil {
		return record{}, unavailable(errors.New("a session cannot be read"))
	}
	r.ID = e.Key[len(sessionPrefix):]
	return r, nil
}

func (s *Sessions) put(ctx context.Context, r record, version uint64) (uint64, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	return s.store.Put(ctx, sessionPrefix+r.ID, data, version, r.Ends)
}

// Find returns the session of a refresh token, spent or not, for whoever
// revokes it. Errors: ErrSession, beside which it returns the ID and the user of
// a session that was revoked, so that it can be named; ErrUnavailable.
func (s *Sessions) Find(ctx context.Context, token secret.Text) (Session, error) {
	t, ok := parseRefresh(token)
	if !ok {
		return Session{}, ErrSession
	}
	r, _, err := s.load(ctx, sessionID(t.session[:]))
	if !t.issued(r.TagKey) { // who made it up learns nothing, and names nobody
		return Session{}, cmp.Or(err, ErrSession)
	}
	return r.Session, err
}

// Get returns a session by its ID. Errors: ErrSession, ErrUnavailable.
func (s *Sessions) Get(ctx context.Context, id string) (Session, error) {
	r, _, err := s.load(ctx, id)
	if err != nil {
		return Session{}, err
	}
	return r.Session, nil
}

// List goes through the living sessions of a user, or of all where user is
// empty.
func (s *Sessions) List(ctx context.Context, user string) iter.Seq2[Session, error] {
	prefix := sessionPrefix
	if user != "" {
		prefix = userPrefix(user)
	}
	return func(yield func(Session, error) bool) {
		for e, err := range s.store.List(ctx, prefix) {
			var r record
			if err == nil {
				r, err = parseSession(e)
			}
			if err == nil {
				err = s.revoked.check(ctx, r.Session)
			}
			if errors.Is(err, ErrRevoked) {
				continue
			}
			if !yield(r.Session, err) || err != nil {
				return
			}
		}
	}
}

// Revoke ends a session, and the tokens that were issued in it. Errors:
// ErrSession where there is none (the tokens are revoked all the same),
// ErrUnavailable.
func (s *Sessions) Revoke(ctx context.Context, id string) error {
	if err := s.revoked.session(ctx, id, s.remainsOf(ctx, id)); err != nil { // first: killed in between, it is revoked
		return err
	}
	err := s.store.Delete(ctx, sessionPrefix+id, 0)
	if errors.Is(err, ErrNotFound) {
		return ErrSession
	}
	return err
}

// RevokeUser ends all sessions of a user, and every token issued to them until
// now.
func (s *Sessions) RevokeUser(ctx context.Context, user string) error {
	return s.revoked.user(ctx, user)
}

// RevokeAll ends every session and every token issued until now.
func (s *Sessions) RevokeAll(ctx context.Context) error { return s.revoked.all(ctx) }

// sessionID is both halves in base64url, with a dot between: the first is a
// user's, so that a user's sessions can be listed.
func sessionID(id []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode(id[:idSize/2]) + "." + encode(id[idSize/2:])
}
