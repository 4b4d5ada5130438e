package state

// Writing. One goroutine writes; what has queued meanwhile goes into the next
// transaction together, so that many pay for one fsync, and none waits for a
// batch to fill as it would with bbolt's own Batch.

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"
)

// maxBatch bounds the changes of a transaction.
const maxBatch = 256

// change is one call that waits to be written.
type change struct {
	ctx   context.Context
	do    func(*bolt.Tx) (*Event, error) // writes all or nothing
	err   error
	event *Event
	done  chan struct{}
}

// Put implements Store.
func (s *Bolt) Put(ctx context.Context, key string, value []byte, version uint64, expiry time.Time) (uint64, error) {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue {
		return 0, fmt.Errorf("state: an entry of %d and %d bytes is out of bounds", len(key), len(value))
	}
	var written uint64
	err := s.write(ctx, func(tx *bolt.Tx) (*Event, error) {
		old, err := s.load(tx, []byte(key))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if old.Version != version {
			return nil, ErrConflict
		}
		if written, err = tx.Bucket([]byte(entryBucket)).NextSequence(); err != nil {
			return nil, err
		}
		e := Entry{Key: key, Value: value, Version: written, Expiry: expiry}
		return &Event{Entry: e}, store(tx, e)
	})
	return written, err
}

// Delete implements Store.
func (s *Bolt) Delete(ctx context.Context, key string, version uint64) error {
	return s.write(ctx, func(tx *bolt.Tx) (*Event, error) {
		old, err := s.load(tx, []byte(key))
		if err != nil {
			return nil, err
		}
		if version != 0 && old.Version != version {
			return nil, ErrConflict
		}
		return &Event{Entry: Entry{Key: key}, Deleted: true}, erase(tx, []byte(key))
	})
}

// Sweep removes up to a batch of entries that have ended, and returns how
// many. The store does it by itself, a batch after the other, every minute.
func (s *Bolt) Sweep(ctx context.Context) (n int, err error) {
	err = s.write(ctx, func(tx *bolt.Tx) (*Event, error) {
		n, err = sweep(tx, s.o.Now())
		return nil, err
	})
	return n, err
}

// write queues a change and waits for its end. A caller that goes away before
// its turn has changed nothing; once it is being written, it is waited for.
func (s *Bolt) write(ctx context.Context, do func(*bolt.Tx) (*Event, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &change{ctx: ctx, do: do, done: make(chan struct{})}
	select {
	case s.changes <- c:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return unavailable(errors.New("it is closed"))
	}
	select {
	case <-c.done:
		return c.err
	case <-s.closed:
	}
	select { // both may have happened
	case <-c.done:
		return c.err
	default:
		return unavailable(errors.New("it is closed"))
	}
}

func (s *Bolt) run() {
	defer close(s.closed)
	defer s.watch.closeAll()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var sweeping *change // the next batch of a sweep
	for {
		var batch []*change
		if sweeping == nil {
			select {
			case c := <-s.changes:
				batch = append(batch, c)
			case <-tick.C:
			case <-s.closing:
				return
			}
		}
		batch = s.more(batch)
		sweeping = s.withSweep(batch, sweeping)
	}
}

// withSweep commits a batch, and beside it a step of a sweep where one is due.
func (s *Bolt) withSweep(batch []*change, last *change) *change {
	if len(batch) > 0 && last == nil {
		s.commit(batch)
		return nil
	}
	swept := 0
	next := &change{ctx: context.Background(), done: make(chan struct{})}
	next.do = func(tx *bolt.Tx) (_ *Event, err error) {
		swept, err = sweep(tx, s.o.Now())
		return nil, err
	}
	s.commit(append(batch, next))
	if next.err != nil {
		s.o.Log.Warn("what has ended could not be removed", "error", next.err)
	}
	if next.err != nil || swept < sweepBatch {
		return nil
	}
	return next
}

func (s *Bolt) more(batch []*change) []*change {
	for len(batch) < maxBatch {
		select {
		case c := <-s.changes:
			batch = append(batch, c)
		default:
			return batch
		}
	}
	return batch
}

// commit writes a batch in one transaction. A change that is refused (a
// conflict) is its caller's affair and leaves the others alone; a transaction
// that fails fails for all.
func (s *Bolt) commit(batch []*change) {
	s.step("begin")
	err := s.update(func(tx *bolt.Tx) error {
		for _, c := range batch {
			if c.err = c.ctx.Err(); c.err != nil {
				continue
			}
			if c.event, c.err = c.do(tx); c.err == nil {
				continue
			}
			if !errors.Is(c.err, ErrConflict) && !errors.Is(c.err, ErrNotFound) {
				return c.err
			}
		}
		s.step("written")
		return nil
	})
	s.failing.Store(err != nil)
	s.step("committed")
	for _, c := range batch {
		if err != nil {
			c.err = err
		} else if c.event != nil {
			s.watch.tell(*c.event)
		}
		close(c.done)
	}
}

func (s *Bolt) update(do func(*bolt.Tx) error) (err error) {
	defer recovered(&err)
	return classified(s.db.Update(do))
}
