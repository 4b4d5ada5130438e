package keyring

import (
	"context"
	"errors"
	"sync"
	"time"

	ring "github.com/zalando/go-keyring"
)

const (
	// quick bounds a call that no person has to answer.
	quick = 3 * time.Second
	// patience bounds one that may be waiting for a password.
	patience = 60 * time.Second
	// noticeAfter is the silence after which a person is told what is awaited.
	noticeAfter = time.Second

	notice = "waiting for the keyring, which may be asking for its password in a window"
)

// Ring is the part of go-keyring that an OS door needs.
type Ring interface {
	Get(service, user string) (string, error)
	Set(service, user, value string) error
}

// Options says who waits at the door.
type Options struct {
	// Interactive: a person is there to answer the keyring's own prompt.
	// Without one a locked keyring is an error at once.
	Interactive bool
	// Notice tells that person what is being waited for, once, on the
	// caller's goroutine. May be nil.
	Notice func(string)
	// Passive: keys are read as they lie, and nothing else changes for it. A
	// service that does not run yet is not started and counts as absent, and a
	// keyring that could ask for a password in answer is not read.
	Passive bool
	// Ring stands in for the system's keyring in tests. nil is the system's.
	Ring Ring
}

// OS is the operating system's keyring: the Secret Service, the macOS
// keychain or Windows' Credential Manager. It remembers an answer that will
// not change by asking again (absent, locked, timed out), so that a process
// waits for a dead keyring once.
type OS struct {
	ring        Ring
	check       func(ctx context.Context, start bool) (state, error)
	interactive bool
	passive     bool
	notice      func(string)

	quick, patience, noticeAfter time.Duration

	verdict verdict
}

// NewOS returns the door. It touches nothing yet.
func NewOS(o Options) *OS {
	door := &OS{
		ring: o.Ring, check: alwaysOpen, interactive: o.Interactive && !o.Passive, passive: o.Passive, notice: o.Notice,
		quick: quick, patience: patience, noticeAfter: noticeAfter,
	}
	if o.Ring == nil {
		door.ring, door.check = system{}, preflight
	}
	if door.notice == nil {
		door.notice = func(string) {}
	}
	return door
}

// Get returns the key with the ID. Errors are *Error, or the context's.
func (o *OS) Get(ctx context.Context, id ID) (Key, error) {
	text, err := o.ask(ctx, func() (string, error) { return o.ring.Get(service, itemName(id)) })
	if err != nil {
		return Key{}, err
	}
	key, ok := decodeValue(text, id)
	if !ok {
		return Key{}, fail(ErrNotFound, "its item holds something else")
	}
	return key, nil
}

// Put stores the key under its ID. Errors are *Error, or the context's. After
// a timeout the key may still arrive; nobody knows its ID then, so it is no
// more than an unused item.
func (o *OS) Put(ctx context.Context, key Key) error {
	_, err := o.ask(ctx, func() (string, error) {
		return "", o.ring.Set(service, itemName(key.ID()), encodeValue(key))
	})
	return err
}

// Check reports whether the door could be used now, and starts, unlocks and
// asks nothing.
func (o *OS) Check(ctx context.Context) error {
	if err := o.verdict.get(); err != nil {
		return err
	}
	seen, err := bounded(ctx, wait{limit: o.quick}, func(ctx context.Context) (state, error) {
		return o.check(ctx, false)
	})
	switch {
	case errors.Is(err, ErrAbsent), errors.Is(err, ErrTimeout):
		o.verdict.set(err)
	case err == nil && seen == locked: // it may be unlocked yet
		return fail(ErrLocked, "")
	}
	return err
}

// ask is attempt, with a memory.
func (o *OS) ask(ctx context.Context, call func() (string, error)) (string, error) {
	if err := o.verdict.get(); err != nil {
		return "", err
	}
	text, err := o.attempt(ctx, call)
	if errors.Is(err, ErrAbsent) || errors.Is(err, ErrLocked) || errors.Is(err, ErrTimeout) {
		o.verdict.set(err)
	}
	return text, err
}

func (o *OS) attempt(ctx context.Context, call func() (string, error)) (string, error) {
	seen, err := bounded(ctx, wait{limit: o.quick}, func(ctx context.Context) (state, error) {
		return o.check(ctx, !o.passive)
	})
	switch {
	case err != nil:
		return "", err
	case seen == locked && !o.interactive:
		return "", fail(ErrLocked, "")
	case o.passive && seen == asleep:
		return "", fail(ErrAbsent, "it has not been started in this session")
	case o.passive && asks:
		return "", fail(ErrFailed, "it is not read, since it might ask for its password")
	}
	w := wait{limit: o.quick}
	if o.interactive {
		w = wait{limit: o.patience, noticeAfter: o.noticeAfter, notice: o.notice}
	}
	text, err := bounded(ctx, w, func(context.Context) (string, error) { return call() })
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, ErrTimeout):
		return text, err
	case errors.Is(err, ring.ErrNotFound):
		return "", fail(ErrNotFound, "")
	case seen == locked: // all that go-keyring says is which collection it meant
		return "", fail(ErrLocked, "its window was closed, or could not be shown")
	}
	return "", fail(platformKind(err), err.Error())
}

// state is what can be told of a keyring without asking it for anything.
type state uint8

const (
	open   state = iota // or nothing tells
	locked              // a person must unlock it
	asleep              // its service would have to be started
)

func alwaysOpen(context.Context, bool) (state, error) { return open, nil }

// verdict is an error that stays.
type verdict struct {
	mu  sync.Mutex
	err error
}

func (v *verdict) get() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

func (v *verdict) set(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// system is go-keyring as a Ring.
type system struct{}

func (system) Get(service, user string) (string, error) { return ring.Get(service, user) }
func (system) Set(service, user, value string) error    { return ring.Set(service, user, value) }
