package signin

// What one run tells the next of a failure, so that a command that runs the
// plugin five times, or an editor that asks every few seconds, opens one
// browser, sends one wrong password and waits for one dead network.
//
// The notes lie in the clear beside the cache (cache.Store's notes): times,
// and error texts, which hold no secret. They are written under the entry's
// lock.

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

const (
	// shortPause follows a failed login; longestPause is what it doubles to,
	// failure by failure, for callers without a person.
	shortPause   = 30 * time.Second
	longestPause = time.Hour
	// offlinePause follows a network failure. It is shorter than a person's
	// second try.
	offlinePause = 5 * time.Second

	// wrapperPause tells a person's next command from the next of the runs of
	// one client that starts us through a wrapper, a new parent each time.
	wrapperPause = 2 * time.Second

	// forever ends with a login that a person asks for by name.
	forever = math.MaxInt64

	// maxReason bounds the text of an error in a note, in bytes; in JSON each
	// may become six.
	maxReason = 300
)

// memo is all that is noted of an entry. Fields may be added.
type memo struct {
	Login   *setback `json:"login,omitempty"`
	Offline *setback `json:"offline,omitempty"`
	Early   moment   `json:"early,omitzero"`   // an early renewal failed
	Guessed moment   `json:"guessed,omitzero"` // a refusal was guessed
	Ended   moment   `json:"ended,omitzero"`   // the session did, while its credential lived
}

// setback is a failure.
type setback struct {
	At     moment `json:"at"`
	Parent string `json:"parent,omitempty"`
	Text   string `json:"text"`
	// Unanswered: a browser opened, and nobody came.
	Unanswered bool `json:"unanswered,omitempty"`
	// Failures counts those in a row, this one included.
	Failures int `json:"failures,omitempty"`
}

// moment is a time in a note. One from the future (a clock that was set back)
// never happened.
type moment struct{ time.Time }

func (m moment) within(d time.Duration, now time.Time) bool {
	return m.left(d, now) > 0
}

// left is what remains of d after m; at most 0 when it has passed.
func (m moment) left(d time.Duration, now time.Time) time.Duration {
	if m.IsZero() || m.After(now) {
		return 0
	}
	return d - now.Sub(m.Time)
}

// tried reports whether a renewal that nobody needs yet was tried of late.
func (m memo) tried(why reason, now time.Time) bool {
	if why == refused {
		return m.Guessed.within(guessWindow, now)
	}
	return m.Early.within(earlyWindow, now)
}

func (f *Flow) memo() memo {
	var m memo
	if json.Unmarshal(f.Store.Note(f.ID), &m) != nil {
		return memo{}
	}
	return m
}

// note changes the memo, under the entry's lock, and reports whether the next
// run will know.
func (f *Flow) note(change func(*memo)) bool {
	m := f.memo()
	change(&m)
	var data []byte
	var err error
	if m != (memo{}) {
		data, err = json.Marshal(m)
	}
	if err == nil {
		err = f.Store.SetNote(f.ID, data)
	}
	if err != nil {
		f.Log.Debug("nothing could be noted", "entry", f.ID, "error", err)
	}
	return err == nil
}

// clearNotes forgets every failure. When a refusal was last guessed stays.
func (f *Flow) clearNotes() {
	if m := f.memo(); m != (memo{Guessed: m.Guessed}) {
		f.note(func(m *memo) { *m = memo{Guessed: m.Guessed} })
	}
}

func (f *Flow) noteOffline(err error) {
	if errors.Is(err, ErrOffline) {
		f.note(func(m *memo) { m.Offline = f.setback(err) })
	}
}

// noteFailure notes why a login failed, where it cost a person or an account
// anything.
func (f *Flow) noteFailure(ctx context.Context, err error) {
	switch {
	case errors.Is(err, ErrNotBegun):
		return
	case errors.Is(err, ErrOffline):
		f.noteOffline(err)
		return
	}
	unanswered := errors.Is(err, ErrUnanswered)
	if ctx.Err() == context.Canceled {
		err = context.Cause(ctx) // who ended it tells more than what it ended
	}
	f.note(func(m *memo) {
		s := f.setback(err)
		s.Unanswered = unanswered
		if m.Login != nil {
			s.Failures += m.Login.Failures
		}
		m.Login = s
	})
}

func (f *Flow) setback(err error) *setback {
	text := err.Error()
	text = strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
	return &setback{At: moment{f.Now()}, Parent: f.Caller.Parent, Text: text, Failures: 1}
}

// mayAsk is a *PausedError where the provider was not reached just now. began
// is when this run set out.
func (f *Flow) mayAsk(began time.Time) error {
	s := f.memo().Offline
	if s == nil || !s.holds(offlinePause, began, f.Now()) {
		return nil
	}
	return f.paused(s, ErrOffline, offlinePause)
}

// mayLogIn is a *PausedError where a login has failed and is not to be tried
// yet. One that succeeded since, in a session with other notes, has made good
// for it.
func (f *Flow) mayLogIn(held entry, began time.Time) error {
	s := f.memo().Login
	if s == nil || held.Credential.Issued.After(s.At.Time) || !s.holds(f.pause(s), began, f.Now()) {
		return nil
	}
	if s.Unanswered {
		return f.paused(s, ErrUnanswered, f.pause(s))
	}
	return f.paused(s, nil, f.pause(s))
}

// pause is how long this caller does not log in after s.
func (f *Flow) pause(s *setback) time.Duration {
	switch {
	case f.Caller.Attended && f.Caller.Parent == "":
		return 0 // the person tries again
	case f.Caller.Attended && f.Caller.Parent != s.Parent:
		return wrapperPause
	case f.Caller.Attended:
		return shortPause
	case s.Unanswered:
		return forever
	}
	doublings := min(max(s.Failures-1, 0), 7)
	return min(shortPause<<doublings, longestPause)
}

// holds reports whether s forbids anything: during the pause, and for whoever
// has waited since before it came.
func (s *setback) holds(pause time.Duration, began, now time.Time) bool {
	return s.At.within(pause, now) || s.At.After(began) && !s.At.After(now)
}

func (f *Flow) paused(s *setback, kind error, pause time.Duration) error {
	now := f.Now()
	f.Log.Info("not tried again yet", "entry", f.ID, "failed", s.At.Time, "unanswered", s.Unanswered)
	e := &PausedError{Kind: kind, Ago: now.Sub(s.At.Time), Text: s.Text, Attended: f.Caller.Attended}
	if pause != forever {
		e.Left = max(s.At.left(pause, now), 0)
	}
	return e
}
