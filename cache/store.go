package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/kubecred/kubecred/internal/keyring"
)

// KernelMode says whether the kernel's keyring may hold data keys: "auto" (or
// empty) does outside containers, "on" and "off" are a person's own choice.
type KernelMode = keyring.Mode

// ParseKernelMode reads a KernelMode.
func ParseKernelMode(s string) (KernelMode, error) { return keyring.ParseMode(s) }

// Options of a Store.
type Options struct {
	Dir     string  // the cache's own folder; may be missing yet. Empty is allowed with None
	Storage Storage // empty is Auto
	// Interactive: a person is there to unlock the keyring in its own window.
	Interactive bool
	// Notice tells that person what is being waited for. May be nil.
	Notice func(string)
	Kernel KernelMode
	// Passive: keys are read as they lie. No service is started, and the kernel
	// gets no copy and keeps the one it has.
	Passive bool
	// Runtime is the folder that ends with the person's session, such as
	// XDG_RUNTIME_DIR; empty where there is none.
	Runtime string
	Log     *slog.Logger // nil is nowhere

	// Keys stands in for the OS keyring in tests, KernelKeys for the kernel's.
	// With Keys alone there is no kernel's keyring.
	Keys, KernelKeys Keys
}

// Store is a cache. Its methods may be called at the same time.
type Store struct {
	vaults []*vault // in the order in which they are asked
	locks  *locker
	notes  notes
	log    *slog.Logger
}

// Open returns the Store. It touches no file and no keyring; its errors are
// about Options.
func Open(o Options) (*Store, error) {
	storage, err := ParseStorage(string(o.Storage))
	if err != nil {
		return nil, err
	}
	if o.Dir == "" && storage != None {
		return nil, errors.New("the cache needs a folder")
	}
	if o.Dir != "" {
		o.Dir = filepath.Clean(o.Dir) // a slash at its end would follow a link
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{log: o.Log, notes: newNotes(o.Dir, o.Runtime)}
	s.locks = &locker{folder: newFolder(o.Dir, "locks"), log: o.Log, local: map[string]chan struct{}{}}
	if o.Dir == "" {
		s.locks.folder = folder{}
	}
	switch storage {
	case File:
		s.add(o.Dir, InFile, fileKeys{newFolder(o.Dir, string(InFile))})
	case Keyring:
		s.add(o.Dir, InKeyring, osKeys(o))
	case Auto:
		s.add(o.Dir, InKeyring, osKeys(o))
		if kernel := kernelKeys(o); kernel != nil {
			s.add(o.Dir, InKernel, kernel)
		}
	}
	return s, nil
}

func (s *Store) add(dir string, home Home, keys Keys) {
	s.vaults = append(s.vaults, &vault{
		home: home, folder: newFolder(dir, string(home)), keys: keys, locks: s.locks,
		known: map[keyring.ID]keyring.Key{},
	})
}

func osKeys(o Options) Keys {
	if o.Keys != nil {
		return o.Keys
	}
	door := keyring.NewOS(keyring.Options{Interactive: o.Interactive, Notice: o.Notice, Passive: o.Passive})
	return keyring.WithCopy(door, keyring.NewKernel(o.Kernel, keyring.CopyLifetime))
}

func kernelKeys(o Options) Keys {
	if o.KernelKeys != nil || o.Keys != nil || runtime.GOOS != "linux" {
		return o.KernelKeys
	}
	return keyring.NewKernel(o.Kernel, keyring.HomeLifetime)
}

// Load returns an entry. It takes no lock and writes no file.
//
// Errors: ErrMiss (perhaps as an *UnreadableError), *LockedError and
// *UnavailableError for the keyring, *NewerFormatError, *UnsafeError, the
// context's.
func (s *Store) Load(ctx context.Context, id ID) (Record, error) {
	miss := ErrMiss
	for i, v := range s.vaults {
		record, err := v.load(ctx, id, id.String())
		switch {
		case err == nil:
			return record, nil
		case err == ErrMiss:
		case errors.Is(err, ErrMiss), isAbsent(err) && i+1 < len(s.vaults):
			// In a session without the keyring (ssh), the kernel's may hold
			// a younger entry; and if not, a login can put one there.
			s.log.Debug("entry passed over", "home", v.home, "error", err)
			miss = &UnreadableError{Path: v.folder.join(id.String()), Reason: err.Error()}
		default:
			return Record{}, err
		}
	}
	return Record{}, miss
}

// Save stores an entry, and the data key before it if there is none. The
// caller holds the entry's Lock. After an error the old entry is as it was.
//
// Errors: ErrTooBig, *LockedError and *UnavailableError for the keyring,
// *NewerFormatError, *UnsafeError, *UnwritableError, the context's.
func (s *Store) Save(ctx context.Context, id ID, r Record) error {
	if len(s.vaults) == 0 {
		return nil
	}
	if len(r.Payload) > MaxPayload {
		return ErrTooBig
	}
	chosen, key, err := s.choose(ctx)
	if err != nil {
		return err
	}
	if err := chosen.save(ctx, key, id, r); err != nil {
		return err
	}
	s.supersede(ctx, chosen, id)
	return nil
}

// choose returns the first vault that has a data key or can make one. Only a
// keyring that is not there at all is passed over.
func (s *Store) choose(ctx context.Context) (*vault, keyring.Key, error) {
	var before error
	for i, v := range s.vaults {
		key, err := v.currentKey(ctx)
		if err == nil {
			return v, key, nil
		}
		if before != nil {
			err = fmt.Errorf("%w; %w", before, err)
		}
		if !isAbsent(err) || i+1 == len(s.vaults) {
			return nil, keyring.Key{}, err
		}
		s.log.Debug("home passed over", "home", v.home, "error", err)
		before = err
	}
	return nil, keyring.Key{}, errors.New("nothing is stored")
}

// supersede removes the entry from the other homes, where it can be opened:
// an older refresh token that turned up again would end the session at a
// provider that detects reuse. What does not open belongs to another login.
func (s *Store) supersede(ctx context.Context, chosen *vault, id ID) {
	for _, v := range s.vaults {
		if v == chosen {
			continue
		}
		if _, err := v.load(ctx, id, id.String()); err != nil {
			continue
		}
		if err := v.folder.remove(id.String()); err != nil {
			s.log.Warn("an older entry could not be removed", "home", v.home, "error", err)
		}
	}
}

// Remove deletes an entry, whether or not it can be opened. The caller holds
// its Lock. No entry is no error. Errors: *UnwritableError.
func (s *Store) Remove(_ context.Context, id ID) error {
	var errs []error
	for _, v := range slices.Backward(s.vaults) { // killed in between, no older entry comes to light
		errs = append(errs, v.folder.remove(id.String()))
	}
	return errors.Join(errs...)
}

// Prepare answers "could I Save?" before a person is sent to a browser: it
// makes sure that there is a data key and that the folder can be written to.
// It returns the home that Save will use, Nowhere with None. Errors are
// Save's.
func (s *Store) Prepare(ctx context.Context) (Home, error) {
	if len(s.vaults) == 0 {
		return Nowhere, nil
	}
	v, _, err := s.choose(ctx)
	if err != nil {
		return "", err
	}
	if err := v.tryWrite(ctx); err != nil {
		return "", err
	}
	return v.home, nil
}

// Probe returns the home that a Save would use now, for a person to read. It
// makes nothing, unlocks nothing and starts nothing; so a keyring whose
// service would first have to be started counts as there.
func (s *Store) Probe(ctx context.Context) (Home, error) {
	for i, v := range s.vaults {
		err := failure(v.home, v.keys.Check(ctx))
		if err == nil || !isAbsent(err) || i+1 == len(s.vaults) {
			return v.home, err
		}
	}
	return Nowhere, nil
}
