package doctor

// Where credentials are kept: the keyring, the kernel's, and the folder.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/keyring"
)

// keyringShare is longer than a keyring's own deadline of three seconds.
const keyringShare = 4 * time.Second

// Door is a keyring as Check looks at it: nothing is unlocked, and nothing is
// started. Errors are *keyring.Error or the context's.
type Door interface {
	Check(ctx context.Context) error
}

// Storage is where the settings keep credentials.
type Storage struct {
	Mode   cache.Storage // "" where it is not known
	Dir    string        // the cache's folder
	Kernel cache.KernelMode

	home, kernelDoor Door                                                       // nil are the system's
	free             func(path string) (bytes uint64, writable bool, err error) // nil is the system's
}

// Checks are those of the group "storage".
func (s *Storage) Checks() []Check {
	if s.home == nil {
		s.home = keyring.NewOS(keyring.Options{Passive: true})
	}
	if s.kernelDoor == nil {
		s.kernelDoor = keyring.NewKernel(s.Kernel, keyring.HomeLifetime)
	}
	if s.free == nil {
		s.free = free
	}
	at := func(name string, share time.Duration, run func(context.Context) Finding) Check {
		return Check{"storage", name, share, func(ctx context.Context) Finding {
			if s.Mode == "" {
				return skipped("the settings are not known")
			}
			return run(ctx)
		}}
	}
	return []Check{
		at("keyring", keyringShare, s.keyring),
		at("kernel", keyringShare, s.kernel),
		at("folder", fileShare, func(context.Context) Finding { return s.folder() }),
		at("space", fileShare, func(context.Context) Finding { return s.space() }),
	}
}

const chooseFile = "or choose --token-cache-storage=file: a key in a file, which protects no more than the file's mode"

func (s *Storage) keyring(ctx context.Context) Finding {
	switch s.Mode {
	case cache.None:
		return note("nothing is kept (--token-cache-storage=none), so each kubectl signs in anew")
	case cache.File:
		return note("not used: the key lies in a file beside the entries, for whoever can read your files")
	}
	began := time.Now()
	err := s.home.Check(ctx)
	took := round(time.Since(began))
	switch {
	case err == nil && took > time.Second:
		return warning(fmt.Sprintf("%s is there, and took %s to say so", backend(), took), "see what slows it down: each kubectl may wait for it")
	case err == nil:
		return ok("%s is there, and nothing says that it is locked (%s)", backend(), took)
	case errors.Is(err, keyring.ErrLocked):
		return failed(backend()+" is locked", "unlock it (sign in to your desktop, or open its password manager); nothing is lost")
	case errors.Is(err, keyring.ErrTimeout), ctx.Err() != nil:
		return failed(fmt.Sprintf("%s did not answer within %s", backend(), took), "see whether it waits for you in a window, or end it and sign in to your desktop anew; nothing is lost")
	case errors.Is(err, keyring.ErrAbsent) && s.Mode == cache.Auto && s.kernelDoor.Check(ctx) == nil:
		return note("%v; the kernel's takes its place, for 12 hours", err)
	case errors.Is(err, keyring.ErrAbsent) && s.Mode == cache.Auto && runtime.GOOS == "linux":
		return failed(err.Error(), "start your keyring, or use --kernel-keyring=on where nobody else has your user ID, "+chooseFile)
	case errors.Is(err, keyring.ErrAbsent):
		return failed(err.Error(), "start your keyring, "+chooseFile)
	}
	return failed(err.Error(), "start your keyring again (sign in to your desktop anew), "+chooseFile)
}

// backend is what this system's keyring is called.
func backend() string {
	switch runtime.GOOS {
	case "darwin":
		return "the keychain"
	case "windows":
		return "the Credential Manager"
	}
	return "the Secret Service"
}

func (s *Storage) kernel(ctx context.Context) Finding {
	switch {
	case runtime.GOOS != "linux":
		return skipped("only Linux has one")
	case s.Mode == cache.None || s.Mode == cache.File:
		return skipped("not used")
	}
	if err := s.kernelDoor.Check(ctx); err != nil {
		return note("%v; no copy of the key there makes cached answers faster", err)
	}
	return ok("it may hold a copy of the key for an hour, so that a cached credential is fast")
}

func (s *Storage) folder() Finding {
	if s.Mode == cache.None {
		return skipped("nothing is kept")
	}
	seen, err := cache.Look(s.Dir)
	switch {
	case err != nil:
		return failed(err.Error(), "give yourself access, or choose another folder with --token-cache-dir")
	case len(seen.Unsafe) > 0:
		text := seen.Unsafe[0].Error()
		if n := len(seen.Unsafe) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more", n)
		}
		return failed(text, "make it yours alone (chmod 700 for folders, 600 for files), or choose another folder with --token-cache-dir")
	case seen.Aside > 0:
		return Finding{Note, fmt.Sprintf("%s holds %s, and %d that did not open and were set aside", s.Dir, entries(seen.Entries), seen.Aside),
			"kubecred status lists them, and kubecred logout --all ends them"}
	case seen.Entries == 0:
		return ok("%s holds nothing yet", s.Dir)
	}
	return ok("%s holds %s, for you alone", s.Dir, entries(seen.Entries))
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// Space for an entry, and for comfort.
const (
	least   = 1 << 20
	comfort = 32 << 20
)

func (s *Storage) space() Finding {
	if s.Mode == cache.None {
		return skipped("nothing is kept")
	}
	at := existing(s.Dir)
	bytes, writable, err := s.free(at)
	do := "make room or give yourself write access, or choose another folder with --token-cache-dir"
	switch {
	case err != nil:
		return skipped("it cannot be told: " + err.Error())
	case !writable:
		return failed(at+" cannot be written to: what is renewed is not kept", do)
	case bytes < least:
		return failed("the disk of "+at+" is full", do)
	case bytes < comfort:
		return warning(fmt.Sprintf("the disk of %s has only %d MB left", at, bytes>>20), do)
	}
	return ok("enough, and it can be written to")
}

// existing is the nearest folder that is there already.
func existing(path string) string {
	for {
		parent := filepath.Dir(path)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || parent == path {
			return path
		}
		path = parent
	}
}
