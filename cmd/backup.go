package cmd

// The backup of an import: the whole kubeconfig as it was, sealed beside the
// credentials that were taken out of it. A file may be larger than an entry of
// the cache, so it lies in parts; what it is of lies in an entry that names
// them.

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// backup is what is sealed of an import, but for the file.
type backup struct {
	Import *importBackup `json:"import"`
}

type importBackup struct {
	File string    `json:"file"` // absolute, links followed
	At   time.Time `json:"at"`
	// Parts are the IDs of the file's content as it was.
	Parts []string `json:"parts"`
	// After is the SHA-256 of the file as the import, or an undo of a part of
	// it, left it: while it is so, the content may be put back as a whole.
	After []byte         `json:"after"`
	Users []importedUser `json:"users"`
}

// importedUser is a user whose credentials were taken out.
type importedUser struct {
	Name   string      `json:"name"`
	Args   []string    `json:"args"` // of the exec block that took their place
	Sealed []sealedRef `json:"sealed,omitempty"`
}

// sealedRef is an entry that an import made.
type sealedRef struct {
	ID  string `json:"id"`
	Sum []byte `json:"sum"` // SHA-256 of its payload
}

func (u importedUser) seals(id cache.ID) bool {
	return slices.ContainsFunc(u.Sealed, func(ref sealedRef) bool { return ref.ID == id.String() })
}

const (
	backupMark = `{"import"`
	partMark   = "kubecred backup part\n"
	maxPart    = cache.MaxPayload - len(partMark)
)

func isBackup(r cache.Record) bool { return bytes.HasPrefix(r.Payload, []byte(backupMark)) }
func isPart(r cache.Record) bool   { return bytes.HasPrefix(r.Payload, []byte(partMark)) }

// newEntryID names an entry that only its maker can find again.
func newEntryID(what string) cache.ID {
	random := make([]byte, 16)
	rand.Read(random) // never fails
	return cache.NewID(fmt.Appendf(nil, "kubecred %s 1\n%x", what, random))
}

// kept is a backup in its cache.
type kept struct {
	importBackup
	id    cache.ID
	store *cache.Store
	path  string // how the file was named now, for the lock that kubectl takes
}

func (k *kept) record() (cache.Record, error) {
	data, err := json.Marshal(backup{&k.importBackup})
	return cache.Record{Payload: data}, err
}

// content puts the file together again. What was cut or exchanged is an error.
func (k *kept) content(ctx context.Context) ([]byte, error) {
	var all []byte
	for _, text := range k.Parts {
		id, err := cache.ParseID(text)
		if err != nil {
			return nil, err
		}
		record, err := k.store.Load(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("the backup of %s is not whole: %w", k.File, err)
		}
		if !isPart(record) {
			return nil, errors.New("the backup of " + k.File + " is not whole")
		}
		all = append(all, record.Payload[len(partMark):]...)
	}
	return all, nil
}

// parts cuts a file's content into records, with IDs of their own.
func parts(content []byte) (ids []string, records []sealing) {
	for piece := range slices.Chunk(content, maxPart) {
		id := newEntryID("backup part")
		ids = append(ids, id.String())
		records = append(records, sealing{id, cache.Record{Payload: append([]byte(partMark), piece...)}})
	}
	return ids, records
}

// backups returns the readable backups of a cache, the newest first.
func backups(shelves []shelf) []*kept {
	var all []*kept
	for _, shelf := range shelves {
		for _, item := range shelf.others {
			var held backup
			if item.Err == nil && isBackup(item.Record) && json.Unmarshal(item.Record.Payload, &held) == nil && held.Import != nil {
				all = append(all, &kept{importBackup: *held.Import, id: item.ID, store: shelf.store})
			}
		}
	}
	slices.SortFunc(all, func(a, b *kept) int { return b.At.Compare(a.At) })
	return all
}

func sum(data []byte) []byte {
	s := sha256.Sum256(data)
	return s[:]
}

// sealing is a record that is to be saved.
type sealing struct {
	id     cache.ID
	record cache.Record
}

// seal saves records, and returns what takes them away again, or puts back what
// was there. After an error nothing is left of them.
func (a *app) seal(ctx context.Context, store *cache.Store, all []sealing) (undo func(), err error) {
	var back []func()
	undo = func() {
		for _, f := range slices.Backward(back) {
			f()
		}
	}
	for _, one := range all {
		a.step("seal")
		before, loadErr := store.Load(ctx, one.id)
		if err = save(ctx, store, one); err != nil {
			undo()
			return func() {}, err
		}
		back = append(back, func() {
			if loadErr == nil {
				_ = save(context.WithoutCancel(ctx), store, sealing{one.id, before})
			} else {
				_ = drop(context.WithoutCancel(ctx), store, one.id)
			}
		})
	}
	return undo, nil
}

func save(ctx context.Context, store *cache.Store, one sealing) error {
	unlock, err := store.Lock(ctx, one.id)
	if err != nil {
		return err
	}
	defer unlock()
	return store.Save(ctx, one.id, one.record)
}

// drop removes an entry that there is nothing to revoke of.
func drop(ctx context.Context, store *cache.Store, id cache.ID) error {
	unlock, err := store.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return store.Remove(ctx, id)
}

// forgetCopies takes a credential out of the backups, which keep what else they
// hold.
func (a *app) forgetCopies(ctx context.Context, all []*kept, id cache.ID) error {
	var failures []error
	for _, k := range all {
		for _, user := range slices.Clone(k.Users) {
			if user.seals(id) {
				failures = append(failures, a.takeOut(ctx, k, user))
			}
		}
	}
	return errors.Join(failures...)
}

// takeOut takes a user's credentials out of a backup. The new content is sealed
// before the old one goes.
func (a *app) takeOut(ctx context.Context, k *kept, user importedUser) error {
	if len(k.Users) == 1 {
		return k.discard(ctx)
	}
	content, err := k.content(ctx)
	if err != nil {
		return err
	}
	d, err := kubeconfig.Parse(k.File, content)
	if err == nil {
		err = d.SetExec(user.Name, kubeconfig.Exec{APIVersion: string(execcred.V1), Command: "kubecred", Args: user.Args})
	}
	if err != nil {
		return err
	}
	old := k.Parts
	var records []sealing
	k.Parts, records = parts(d.Bytes())
	k.Users = slices.DeleteFunc(slices.Clone(k.Users), func(u importedUser) bool { return u.Name == user.Name })
	record, err := k.record()
	if err == nil {
		_, err = a.seal(ctx, k.store, append(records, sealing{k.id, record}))
	}
	if err != nil {
		return err
	}
	return dropParts(ctx, k.store, old)
}

func dropParts(ctx context.Context, store *cache.Store, ids []string) error {
	for _, text := range ids {
		id, err := cache.ParseID(text)
		if err == nil {
			err = drop(ctx, store, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// discard removes a backup: what names the parts goes last.
func (k *kept) discard(ctx context.Context) error {
	if err := dropParts(ctx, k.store, k.Parts); err != nil {
		return err
	}
	return drop(ctx, k.store, k.id)
}
