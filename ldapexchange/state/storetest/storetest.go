// Package storetest is what every state.Store has to hold, and what stands on
// one relies upon. The tests of a store run it:
//
//	storetest.Run(t, func(t *testing.T) storetest.Place { … })
//
// What is one store's own (its file, its page size, its buffers) is tested
// beside it. That a store survives being killed cannot be told from within, and
// is not told here.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/state"
)

// Place is a store and its time.
type Place struct {
	state.Store // new and empty; Run closes it
	Now         func() time.Time
	// Pass lets time go by, by moving a clock or by sleeping. It is asked for
	// some seconds in all.
	Pass func(time.Duration)
}

// Run tests stores, each in a new place that open makes.
func Run(t *testing.T, open func(t *testing.T) Place) {
	for name, test := range map[string]func(*testing.T, Place){
		"compares and swaps":            comparesAndSwaps,
		"keeps bounds":                  keepsBounds,
		"shares no memory":              sharesNoMemory,
		"entries end":                   entriesEnd,
		"reads several at one moment":   readsSeveral,
		"lists":                         lists,
		"lists what many have written":  listsMany,
		"fifty increments are fifty":    increments,
		"who leaves changes nothing":    leaves,
		"has an epoch":                  hasEpoch,
		"is unavailable once closed":    closed,
		"watches":                       watches,
		"watches from now on":           watchesFromNowOn,
		"a slow watcher holds up none":  slowWatcher,
		"fifty at once rotate once":     rotatesOnce,
		"sessions end at once":          sessionsEnd,
		"failures are counted together": countsTogether,
		"a user's sessions are bounded": boundsSessions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t)
			t.Cleanup(func() { _ = p.Close() })
			test(t, p)
		})
	}
}

// mustPut writes a new entry.
func mustPut(t *testing.T, p Place, key, value string, expiry time.Time) uint64 {
	t.Helper()
	version, err := p.Put(context.Background(), key, []byte(value), 0, expiry)
	if err != nil || version == 0 {
		t.Fatal(version, err)
	}
	return version
}

func wantErr(t *testing.T, name string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want %v", name, err, want)
	}
}

// keysOf are the keys below a prefix, in the order of List.
func keysOf(t *testing.T, p Place, prefix string) (keys []string) {
	t.Helper()
	for e, err := range p.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, e.Key)
	}
	return keys
}
