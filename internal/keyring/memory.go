package keyring

import (
	"context"
	"sync"
)

// Memory keeps keys in this process only: a keyring for tests.
type Memory struct {
	mu   sync.Mutex
	keys map[ID]Key
	err  error
}

// NewMemory returns an empty one.
func NewMemory() *Memory { return &Memory{keys: map[ID]Key{}} }

// Fail makes every call return err, as a locked or absent keyring would; nil
// mends it.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Get returns the key with the ID, ErrNotFound, or what Fail set.
func (m *Memory) Get(_ context.Context, id ID) (Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return Key{}, m.err
	}
	key, ok := m.keys[id]
	if !ok {
		return Key{}, fail(ErrNotFound, "")
	}
	return key, nil
}

// Put stores the key.
func (m *Memory) Put(_ context.Context, key Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err == nil {
		m.keys[key.ID()] = key
	}
	return m.err
}

// Check returns what Fail set.
func (m *Memory) Check(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Len returns how many keys there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.keys)
}
