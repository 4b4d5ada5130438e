package state

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"
)

const (
	// listBatch bounds how long List keeps a transaction open: while one is,
	// the file grows with each change.
	listBatch = 256
	// watchBuffer is how many changes a reader may be behind.
	watchBuffer = 256
)

// Get implements Store.
func (s *Bolt) Get(ctx context.Context, key string) (e Entry, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) (err error) {
		e, err = s.load(tx, []byte(key))
		e.Value = bytes.Clone(e.Value)
		return err
	})
	return e, err
}

// GetAll implements Store.
func (s *Bolt) GetAll(ctx context.Context, keys ...string) (all []Entry, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		for _, key := range keys {
			e, err := s.load(tx, []byte(key))
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			e.Value = bytes.Clone(e.Value)
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// List implements Store.
func (s *Bolt) List(ctx context.Context, prefix string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for from, last := prefix, false; !last; {
			var batch []Entry
			err := s.view(ctx, func(tx *bolt.Tx) (err error) {
				batch, from, err = s.page(tx, prefix, from)
				return err
			})
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range batch {
				if !yield(e, nil) {
					return
				}
			}
			last = from == ""
		}
	}
}

// page returns the entries of a batch, and where the next begins; "" is
// nowhere.
func (s *Bolt) page(tx *bolt.Tx, prefix, from string) (batch []Entry, next string, err error) {
	cursor := tx.Bucket([]byte(entryBucket)).Cursor()
	seen := 0
	for key, data := cursor.Seek([]byte(from)); key != nil && bytes.HasPrefix(key, []byte(prefix)); key, data = cursor.Next() {
		if seen++; seen > listBatch {
			return batch, string(key), nil
		}
		e, err := decode(key, data)
		if err != nil {
			return nil, "", err
		}
		if !e.ended(s.o.Now()) {
			e.Value = bytes.Clone(e.Value)
			batch = append(batch, e)
		}
	}
	return batch, "", nil
}

// watchers are those who watch.
type watchers struct {
	mu     sync.Mutex
	all    map[chan Event]string // to prefix
	closed bool
}

// Watch implements Store.
func (s *Bolt) Watch(ctx context.Context, prefix string) <-chan Event {
	w := &s.watch
	events := make(chan Event, watchBuffer)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || ctx.Err() != nil {
		close(events)
		return events
	}
	if w.all == nil {
		w.all = map[chan Event]string{}
	}
	w.all[events] = prefix
	context.AfterFunc(ctx, func() { w.drop(events) })
	return events
}

func (w *watchers) tell(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for events, prefix := range w.all {
		if !strings.HasPrefix(e.Key, prefix) {
			continue
		}
		e := e
		e.Value = bytes.Clone(e.Value)
		select {
		case events <- e:
		default: // too slow
			delete(w.all, events)
			close(events)
		}
	}
}

func (w *watchers) drop(events chan Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, watching := w.all[events]; watching {
		delete(w.all, events)
		close(events)
	}
}

func (w *watchers) closeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for events := range w.all {
		close(events)
	}
	w.all, w.closed = nil, true
}
