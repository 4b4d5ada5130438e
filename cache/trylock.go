package cache

import (
	"os"
	"sync"

	"github.com/gofrs/flock"
)

// TryLock is Lock for work that another process may as well do: where that one
// holds the entry's lock, or where no lock file can be made, it returns at once
// with ok false.
func (s *Store) TryLock(id ID) (unlock func(), ok bool, err error) {
	l := s.locks
	name := id.String() + ".lock"
	if l.folder.root == "" {
		return nil, false, nil
	}
	if err := l.folder.touch(name); err != nil {
		return nil, false, err
	}
	file := flock.New(l.folder.join(name), flock.SetFlag(os.O_RDONLY|noFollow))
	ok, err = file.TryLock()
	if err != nil || !ok {
		return nil, false, err
	}
	return sync.OnceFunc(func() { _ = file.Unlock() }), true, nil
}
