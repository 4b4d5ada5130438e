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
		Auth:   a.authenticator(passwords{app: a, s: s, person: p, store: store}),
		Caller: a.caller(p),
		Now:    a.now,
		Log:    a.log,
		Warn:   p.warn,
		Await:  p.awaitOthers,
	}, nil
}

// authenticator is what fills the entry.
func (a *app) authenticator(p passwords) signin.Authenticator {
	if p.s.Imported != "" {
		return &imported{p}
	}
	switch p.s.Exchange {
	case settings.ExchangeBasic, settings.ExchangeNative:
		return &exchange{p}
	}
	return &oidc{passwords: p}
}

// caller tells a client, which says something of itself in its exec info, from
// a person or a script that runs the program by name. A client's call is who it
// is, what it says, and the arguments.
func (a *app) caller(p *person) signin.Caller {
	c := signin.Caller{Attended: p.attends()}
	info := a.getenv(execcred.EnvExecInfo)
	if info == "" {
		return c
	}
	c.Parent = a.parent()
	call := []byte(c.Parent + "\x00" + info)
	for _, arg := range a.args {
		call = append(append(call, 0), arg...)
	}
	c.Call = sha256.Sum256(call)
	return c
}

func (a *app) openStore(s *settings.Settings, p *person) (*cache.Store, error) {
	return cache.Open(cache.Options{
		Dir:         s.CacheDir,
		Storage:     cache.Storage(s.Storage),
		Kernel:      cache.KernelMode(s.KernelKeyring),
		Interactive: p.attends(),
		Notice:      p.notice,
		Runtime:     a.files.Runtime,
		Log:         a.log,
	})
}

// shelf is one of the caches that a folder holds, and what lies there.
type shelf struct {
	store    *cache.Store
	items    []cache.Item
	refusals []cache.Item // of passwords; no entries
	others   []cache.Item // of imports: backups and clients' secrets; no entries
}

// shelves lists every entry of the cache folder, whichever mode the settings
// choose for new ones: what lies there is the person's all the same. open is the
// cache of those settings, which may have waited for a keyring already.
func (a *app) shelves(ctx context.Context, s *settings.Settings, p *person, open *cache.Store) ([]shelf, error) {
	var all []shelf
	for _, mode := range []cache.Storage{cache.Auto, cache.File} {
		store := open
		if open == nil || s.Storage != string(mode) {
			of := *s
			of.Storage = string(mode)
			var err error
			if store, err = a.openStore(&of, p); err != nil {
				return nil, err
			}
		}
		items, err := store.List(ctx)
		if err != nil {
			return nil, err
		}
		s := shelf{store: store}
		for _, item := range items {
			switch {
			case item.Err == nil && isRefusal(item.Record):
				s.refusals = append(s.refusals, item)
			case item.Err == nil && (isBackup(item.Record) || isPart(item.Record) || isClientSecret(item.Record)):
				s.others = append(s.others, item)
			default:
				s.items = append(s.items, item)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// short is an entry's ID as a person types it. Twelve digits tell more entries
// apart than anyone has.
func short(id cache.ID) string { return fmt.Sprintf("%.12s", id) }
