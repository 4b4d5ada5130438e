package directory

import (
	"context"
	"fmt"
	"sync"

	"github.com/kubecred/kubecred/internal/secret"
)

// Users are those of a file, or of memory. Its methods may be called at the
// same time.
//
// A file is looked at before each question and read again when it has changed;
// a bad one keeps the old users.
type Users struct {
	hashing  hashing
	reloaded func(error)

	mu   sync.Mutex
	file *file // nil: in memory
	set  *userSet
	bad  error // what is wrong with the file now
}

// maxUsersFile bounds a file of users, in bytes.
const maxUsersFile = 8 << 20

// OpenUsers reads a file of users; parseUsers shows its form. After each further
// reading it calls reloaded with what was wrong; reloaded may be nil, and must
// not ask the users. The error is a *ConfigError.
func OpenUsers(path string, reloaded func(error)) (*Users, error) {
	if reloaded == nil {
		reloaded = func(error) {}
	}
	u := &Users{hashing: newHashing(), file: &file{path: path, limit: maxUsersFile}, reloaded: func(error) {}}
	err := u.Reload()
	u.reloaded = reloaded
	if err != nil {
		return nil, err
	}
	return u, nil
}

// MemoryUser is a user of NewUsers.
type MemoryUser struct {
	Name, Email string
	Groups      []string
	Password    secret.Text
}

// NewUsers returns users that are in no file, for a demonstration and tests.
func NewUsers(users ...MemoryUser) (*Users, error) { return newUsers(minBcrypt, users...) }

func newUsers(cost int, users ...MemoryUser) (*Users, error) {
	u := &Users{hashing: newHashing(), set: new(userSet)}
	for _, m := range users {
		name, err := checkInput(m.Name, m.Password)
		if err != nil {
			return nil, err
		}
		hash, err := hashPassword(m.Password, cost)
		if err != nil {
			return nil, err
		}
		who := Identity{ID: name, Name: name, Email: m.Email, Groups: sorted(m.Groups)}
		if err := u.set.add(user{Identity: who, hash: hash}); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// Authenticate finds out who has that name and password.
//
// Errors: ErrInput, ErrCredentials, *AccountError where the password was right.
func (u *Users) Authenticate(ctx context.Context, name string, password secret.Text) (Identity, error) {
	name, err := checkInput(name, password)
	if err != nil {
		return Identity{}, err
	}
	set := u.current()
	found, known := set.byName[fold(name)]
	hash := set.decoy
	if known {
		hash = found.hash
	}
	right, err := u.hashing.matches(ctx, hash, password.Reveal())
	switch {
	case err != nil:
		return Identity{}, &UnavailableError{"", "wait", err}
	case !known || !right:
		return Identity{}, ErrCredentials
	case found.disabled:
		return Identity{}, &AccountError{Disabled}
	}
	return found.known(), nil
}

// Lookup finds a user by ID.
//
// Errors: ErrGone, *AccountError.
func (u *Users) Lookup(_ context.Context, id string) (Identity, error) {
	found, known := u.current().byName[fold(id)]
	switch {
	case !known || found.ID != id:
		return Identity{}, ErrGone
	case found.disabled:
		return Identity{}, &AccountError{Disabled}
	}
	return found.known(), nil
}

// Check returns what is wrong with the file, as a *ConfigError. The users that
// were there before it became so are still served.
func (u *Users) Check(context.Context) error {
	u.current()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bad
}

// Close has nothing to close.
func (u *Users) Close() error { return nil }

// Reload reads the file, changed or not.
func (u *Users) Reload() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file == nil {
		return nil
	}
	u.file.seen, u.file.missing = nil, false
	u.refresh()
	return u.bad
}

// current is the users as the file has them now.
func (u *Users) current() *userSet {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file != nil {
		u.refresh()
	}
	return u.set
}

func (u *Users) refresh() {
	data, changed, err := u.file.changed()
	if !changed {
		return
	}
	var set *userSet
	if err == nil {
		set, err = parseUsers(data)
	}
	u.bad = nil
	if err != nil {
		u.bad = &ConfigError{"the file of users", fmt.Sprint(err)}
	} else {
		u.set = set
	}
	u.reloaded(u.bad)
}
