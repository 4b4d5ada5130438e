package state

// What lies in the file. Three buckets:
//
//	meta     format, epoch, copy, inode
//	entries  key → version, expiry, value
//	expiry   expiry, key → nothing: what ends, in the order in which it does

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/kubecred/kubecred/internal/private"
)

const (
	format    = 1
	entryHead = 16 // version and expiry, eight bytes each, big-endian
)

// Names in the file; arrays, since slices would be mutable globals.
const (
	metaBucket   = "meta"
	entryBucket  = "entries"
	expiryBucket = "expiry"

	formatKey = "format"
	epochKey  = "epoch" // Unix nanoseconds
	copyKey   = "copy"  // is there in a copy
	inodeKey  = "inode" // of the file that this was
)

// begin makes the buckets of a new file, and a new epoch where it is new,
// restored from a copy, or another file than before.
func (s *Bolt) begin() (err error) {
	defer recovered(&err)
	inode := private.Inode(s.o.Path)
	var wait time.Duration
	err = s.db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{metaBucket, entryBucket, expiryBucket} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		meta := tx.Bucket([]byte(metaBucket))
		if found := number(meta, formatKey); found > format {
			return fmt.Errorf("%s: written by a newer version (format %d; this one knows %d)", s.o.Path, found, format)
		}
		fresh, restored := meta.Get([]byte(epochKey)) == nil, meta.Get([]byte(copyKey)) != nil || number(meta, inodeKey) != inode
		if !fresh && !restored {
			return nil
		}
		epoch := s.o.Now()
		if !fresh { // to the next second: tokens know no less, and some were issued in this one
			epoch = epoch.Truncate(time.Second).Add(time.Second)
			wait = epoch.Sub(s.o.Now())
			s.o.Log.Warn("the state was restored: what was issued before is refused", "path", s.o.Path)
		}
		if err := meta.Delete([]byte(copyKey)); err != nil {
			return err
		}
		return putNumbers(meta, map[string]uint64{formatKey: format, epochKey: uint64(epoch.UnixNano()), inodeKey: inode})
	})
	time.Sleep(wait) // less than a second: what is issued now is as old as the epoch
	return classified(err)
}

func markCopy(path string) (err error) {
	defer recovered(&err)
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockPatience})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		return putNumbers(tx.Bucket([]byte(metaBucket)), map[string]uint64{copyKey: 1})
	})
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return err
}

func number(b *bolt.Bucket, key string) uint64 {
	if data := b.Get([]byte(key)); len(data) == 8 {
		return binary.BigEndian.Uint64(data)
	}
	return 0
}

func putNumbers(b *bolt.Bucket, numbers map[string]uint64) error {
	for key, n := range numbers {
		if err := b.Put([]byte(key), binary.BigEndian.AppendUint64(nil, n)); err != nil {
			return err
		}
	}
	return nil
}

// Epoch implements Store.
func (s *Bolt) Epoch(ctx context.Context) (epoch time.Time, err error) {
	err = s.view(ctx, func(tx *bolt.Tx) error {
		epoch = time.Unix(0, int64(number(tx.Bucket([]byte(metaBucket)), epochKey)))
		return nil
	})
	return epoch, err
}

// load returns an entry that has not ended. Its value is bbolt's own until the
// transaction's end.
func (s *Bolt) load(tx *bolt.Tx, key []byte) (Entry, error) {
	data := tx.Bucket([]byte(entryBucket)).Get(key)
	if data == nil {
		return Entry{}, ErrNotFound
	}
	e, err := decode(key, data)
	if err == nil && e.ended(s.o.Now()) {
		return Entry{}, ErrNotFound
	}
	return e, err
}

func decode(key, data []byte) (Entry, error) {
	if len(data) < entryHead {
		return Entry{}, unavailable(fmt.Errorf("an entry of %d bytes", len(data)))
	}
	e := Entry{Key: string(key), Version: binary.BigEndian.Uint64(data), Value: data[entryHead:]}
	if nanos := int64(binary.BigEndian.Uint64(data[8:])); nanos != 0 {
		e.Expiry = time.Unix(0, nanos)
	}
	return e, nil
}

func (e Entry) ended(now time.Time) bool { return !e.Expiry.IsZero() && !now.Before(e.Expiry) }

// store writes an entry and its place among what ends.
func store(tx *bolt.Tx, e Entry) error {
	if err := unlink(tx, []byte(e.Key)); err != nil {
		return err
	}
	var nanos uint64
	if !e.Expiry.IsZero() {
		nanos = uint64(e.Expiry.UnixNano())
		if err := tx.Bucket([]byte(expiryBucket)).Put(expiryKey(nanos, []byte(e.Key)), nil); err != nil {
			return err
		}
	}
	data := make([]byte, 0, entryHead+len(e.Value))
	data = binary.BigEndian.AppendUint64(data, e.Version)
	data = binary.BigEndian.AppendUint64(data, nanos)
	return tx.Bucket([]byte(entryBucket)).Put([]byte(e.Key), append(data, e.Value...))
}

// erase removes an entry and its place among what ends.
func erase(tx *bolt.Tx, key []byte) error {
	if err := unlink(tx, key); err != nil {
		return err
	}
	return tx.Bucket([]byte(entryBucket)).Delete(key)
}

func unlink(tx *bolt.Tx, key []byte) error {
	data := tx.Bucket([]byte(entryBucket)).Get(key)
	if len(data) < entryHead {
		return nil
	}
	if nanos := binary.BigEndian.Uint64(data[8:]); nanos != 0 {
		return tx.Bucket([]byte(expiryBucket)).Delete(expiryKey(nanos, key))
	}
	return nil
}

func expiryKey(nanos uint64, key []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, nanos), key...)
}

// sweep removes up to a batch of what has ended, and returns how many it were.
func sweep(tx *bolt.Tx, now time.Time) (int, error) {
	var ended [][]byte
	end := binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())+1)
	cursor := tx.Bucket([]byte(expiryBucket)).Cursor()
	for key, _ := cursor.First(); key != nil && bytes.Compare(key, end) < 0 && len(ended) < sweepBatch; key, _ = cursor.Next() {
		ended = append(ended, bytes.Clone(key))
	}
	for _, key := range ended {
		if err := erase(tx, key[8:]); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}
