package cmd

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
)

// newFlow joins an entry's cache with what can fill it. Nothing is opened and
// nothing is sent.
func (a *app) newFlow(s *settings.Settings, p *person) (*signin.Flow, error) {
	store, err := a.openStore(s, p)
	if err != nil {
		return nil, err
	}
	return &signin.Flow{
		Store:  store,
		ID:     cache.NewID(s.Identity()),
		Auth:   &oidc{app: a, s: s, person: p, store: store},
		Caller: signin.Caller{Parent: a.parent(), Attended: p.attends()},
		Now:    a.now,
		Log:    a.log,
		Warn:   p.warn,
	}, nil
}

// call stands for all that a client said in running this program: who it is,
// the arguments, and its exec info. It is zero for one that says nothing of
// itself, as a script, of which nothing follows when it asks again.
func (a *app) call(parent string) (sum [sha256.Size]byte) {
	info := a.getenv(execcred.EnvExecInfo)
	if info == "" {
		return sum
	}
	text := []byte(parent + "\x00" + info)
	for _, arg := range a.args {
		text = append(append(text, 0), arg...)
	}
	return sha256.Sum256(text)
}

func (a *app) openStore(s *settings.Settings, p *person) (*cache.Store, error) {
	return cache.Open(cache.Options{
		Dir:         s.CacheDir,
		Storage:     cache.Storage(s.Storage),
		Interactive: p.attends(),
		Notice:      func(text string) { p.Show(text + "\n") },
		Runtime:     a.files.Runtime,
		Log:         a.log,
	})
}

// shelf is one of the caches that a folder holds, and what lies there.
type shelf struct {
	store *cache.Store
	items []cache.Item
}

// shelves lists every entry of the cache folder, whichever mode the settings
// choose for new ones: what lies there is the person's all the same.
func (a *app) shelves(ctx context.Context, s *settings.Settings, p *person) ([]shelf, error) {
	var all []shelf
	for _, mode := range []cache.Storage{cache.Auto, cache.File} {
		of := *s
		of.Storage = string(mode)
		store, err := a.openStore(&of, p)
		if err != nil {
			return nil, err
		}
		items, err := store.List(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, shelf{store, items})
	}
	return all, nil
}

// short is an entry's ID as a person types it. Twelve digits tell more entries
// apart than anyone has.
func short(id cache.ID) string { return fmt.Sprintf("%.12s", id) }
