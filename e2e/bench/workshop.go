package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kubecred/kubecred/e2e/internal/caller"
	"github.com/kubecred/kubecred/e2e/internal/keyring"
	"github.com/kubecred/kubecred/e2e/internal/load"
	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/program"
)

// workshop has what is measured: programs, a caller that runs them, and caches with a credential.
type workshop struct {
	dir    string // the programs
	caller *caller.Caller

	service     *keyring.Keyring // nil where lacks says why
	lacks       string
	lacksKernel string // why the kernel's keyring cannot be used

	inFile    *caller.Cache
	inKernel  *caller.Cache // the Secret Service's, with the kernel's copy; nil without that
	inService *caller.Cache // the Secret Service's alone; nil without one
	big       *caller.Cache // of the best kind that there is, with a token of 64 KB

	directory      *load.Directory // nil where lacksDirectory says why
	lacksDirectory string
	lacksProc      string // why nobody says what a server uses

	token, bigToken int // the tokens' sizes, in bytes
}

func (w *workshop) program(name string) string { return filepath.Join(w.dir, name) }

func newWorkshop(ctx context.Context) (*workshop, error) {
	dir, err := os.MkdirTemp("", "kubecred-bench-")
	if err != nil {
		return nil, err
	}
	w := &workshop{dir: dir}
	if err := w.furnish(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *workshop) close() error {
	var err error
	if w.caller != nil {
		err = w.caller.Close()
	}
	if w.service != nil {
		w.service.Stop()
	}
	if w.directory != nil {
		w.directory.Stop()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

func (w *workshop) furnish(ctx context.Context) error {
	if err := w.build(ctx); err != nil {
		return err
	}
	var err error
	if w.caller, err = caller.New(w.program("kubecred"), w.program("fakebrowser")); err != nil {
		return err
	}
	if w.inFile, err = w.caller.SealedByFile(); err != nil {
		return err
	}
	if w.token, err = w.caller.Fill(ctx, w.inFile); err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		w.lacksProc = "only Linux says what a server uses"
	}
	if err := errors.Join(w.openKeyring(ctx), w.openDirectory(ctx)); err != nil {
		return err
	}
	if w.big, err = w.newCache(); err != nil {
		return err
	}
	w.bigToken, err = w.caller.FillBig(ctx, w.big)
	return err
}

func (w *workshop) build(ctx context.Context) error {
	err := program.Linked(ctx, w.program("linked"))
	for name, folder := range map[string]string{
		"kubecred":    ".",
		"fakebrowser": "internal/oidctest/cmd/fakebrowser",
		"oneline":     "e2e/internal/measure/oneline",
		"peak":        "e2e/internal/measure/peak",
	} {
		err = errors.Join(err, program.Like(ctx, w.program(name), folder))
	}
	for name, folder := range map[string]string{
		"exchange": "ldapexchange/kubecred-exchange",
		"bare":     "e2e/internal/load/bare",
	} {
		err = errors.Join(err, program.Service(ctx, w.program(name), folder))
	}
	return err
}

// openKeyring starts a Secret Service, and seals credentials under it. Where there can be none,
// lacks says why.
func (w *workshop) openKeyring(ctx context.Context) error {
	if w.lacks = lacks(); w.lacks != "" {
		w.lacksKernel = w.lacks
		return nil
	}
	home := filepath.Join(w.dir, "keyring")
	err := os.Mkdir(home, 0o700)
	if err == nil {
		w.service, err = keyring.Start(ctx, home)
	}
	if err != nil {
		return err
	}
	if err := w.fillKernel(ctx); err != nil {
		return err
	}
	// One of its own: who does not use the kernel's keyring takes the copy out of it.
	in, err := w.caller.SealedByKeyring(w.service.Env())
	if err != nil {
		return err
	}
	w.inService = in.WithoutKernel()
	if _, err = w.caller.Fill(ctx, w.inService); err != nil {
		return err
	}
	return w.prove(ctx)
}

func (w *workshop) fillKernel(ctx context.Context) (err error) {
	if w.lacksKernel = caller.KernelLacks(ctx); w.lacksKernel == "" {
		w.inKernel, err = w.filledCache(ctx)
	}
	return err
}

func lacks() string {
	if runtime.GOOS != "linux" {
		return "only Linux has a Secret Service"
	}
	for _, p := range parts.All() {
		if lacks := p.Lacks(); p.Name == parts.Keyring && lacks != "" {
			return fmt.Sprintf("part %s: %s", p.Name, lacks)
		}
	}
	return ""
}

// prove makes sure that the rows are about what their names say: without a Secret Service the
// kernel's copy serves, and whoever does not use that is served nothing from the cache.
func (w *workshop) prove(ctx context.Context) error {
	if w.inKernel != nil && !w.hit(ctx, w.inKernel.WithoutKeyring()) {
		return errors.New("the kernel's keyring holds no copy of the data key")
	}
	if w.hit(ctx, w.inService.WithoutKeyring()) {
		return errors.New("a hit with neither keyring")
	}
	return w.caller.Settle(ctx)
}

// hit reports whether the cache answers a call, and the provider is asked nothing.
func (w *workshop) hit(ctx context.Context, in *caller.Cache) bool {
	before := len(w.caller.Provider.All())
	_, _, err := w.caller.GetToken(in).Run(ctx)
	return err == nil && len(w.caller.Provider.All()) == before
}

// newCache makes an empty cache of the best kind that this machine has.
func (w *workshop) newCache() (*caller.Cache, error) {
	if w.lacksKernel != "" {
		return w.caller.SealedByFile()
	}
	return w.caller.SealedByKeyring(w.service.Env())
}

// filledCache is newCache, with a credential of the usual size.
func (w *workshop) filledCache(ctx context.Context) (*caller.Cache, error) {
	in, err := w.newCache()
	if err == nil {
		_, err = w.caller.Fill(ctx, in)
	}
	return in, err
}
