package state_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/state"
	"github.com/kubecred/kubecred/ldapexchange/state/storetest"
)

func TestBoltIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Place {
		var clock atomic.Int64 // Unix nanoseconds
		clock.Store(time.Date(2026, 11, 24, 8, 0, 0, 5e8, time.UTC).UnixNano())
		now := func() time.Time { return time.Unix(0, clock.Load()) }
		store, err := state.OpenBolt(state.Options{Path: filepath.Join(t.TempDir(), "state", "state.db"), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return storetest.Place{Store: store, Now: now, Pass: func(d time.Duration) { clock.Add(int64(d)) }}
	})
}
