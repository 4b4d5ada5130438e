package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/state"
)

func comparesAndSwaps(t *testing.T, p Place) {
	ctx := context.Background()
	first := mustPut(t, p, "k", "one", time.Time{})
	for _, version := range []uint64{0, first + 1} {
		_, err := p.Put(ctx, "k", []byte("wrong"), version, time.Time{})
		wantErr(t, fmt.Sprint("over version ", version), err, state.ErrConflict)
	}
	_, err := p.Put(ctx, "none", nil, first, time.Time{})
	wantErr(t, "over nothing", err, state.ErrConflict)
	expiry := p.Now().Add(time.Hour)
	second, err := p.Put(ctx, "k", []byte("two"), first, expiry)
	if err != nil || second <= first {
		t.Fatal(second, err)
	}
	got, err := p.Get(ctx, "k")
	if err != nil || got.Key != "k" || string(got.Value) != "two" || got.Version != second || !got.Expiry.Equal(expiry) {
		t.Errorf("%+v, %v", got, err)
	}
	wantErr(t, "Delete of another version", p.Delete(ctx, "k", first), state.ErrConflict)
	if err := p.Delete(ctx, "k", second); err != nil {
		t.Error(err)
	}
	wantErr(t, "Delete of nothing", p.Delete(ctx, "k", 0), state.ErrNotFound)
	// No version is used twice: who still holds the old one does not hit.
	if third := mustPut(t, p, "k", "", time.Time{}); third <= second {
		t.Error(third, second)
	}
	if err := p.Delete(ctx, "k", 0); err != nil {
		t.Error(err)
	}
}

func keepsBounds(t *testing.T, p Place) {
	ctx := context.Background()
	for _, e := range []state.Entry{
		{Key: ""}, {Key: strings.Repeat("k", state.MaxKey+1)}, {Key: "k", Value: make([]byte, state.MaxValue+1)},
	} {
		if _, err := p.Put(ctx, e.Key, e.Value, 0, time.Time{}); err == nil || errors.Is(err, state.ErrUnavailable) {
			t.Errorf("%d and %d bytes: %v", len(e.Key), len(e.Value), err)
		}
	}
	key := strings.Repeat("k", state.MaxKey)
	mustPut(t, p, key, string(make([]byte, state.MaxValue)), time.Time{})
	if e, err := p.Get(ctx, key); err != nil || len(e.Value) != state.MaxValue {
		t.Error(len(e.Value), err)
	}
	_, err := p.Get(ctx, "")
	wantErr(t, "Get of no key", err, state.ErrNotFound)
}

// A value is whose hand it is in.
func sharesNoMemory(t *testing.T, p Place) {
	ctx := context.Background()
	value := strings.Repeat("value ", 1000) // a small one a store may copy anyway
	given := []byte(value)
	if _, err := p.Put(ctx, "k", given, 0, time.Time{}); err != nil {
		t.Fatal(err)
	}
	clear(given)
	for range 2 {
		e, err := p.Get(ctx, "k")
		if err != nil || string(e.Value) != value {
			t.Fatalf("%.12q, %v", e.Value, err)
		}
		clear(e.Value)
	}
	for range 2 {
		for e, err := range p.List(ctx, "k") {
			if err != nil || string(e.Value) != value {
				t.Fatalf("%.12q, %v", e.Value, err)
			}
			clear(e.Value)
		}
	}
}

func entriesEnd(t *testing.T, p Place) {
	ctx := context.Background()
	soon, later := p.Now().Add(2*time.Second), p.Now().Add(time.Hour)
	for _, key := range []string{"soon/1", "soon/2", "soon/3"} {
		mustPut(t, p, key, "v", soon)
	}
	mustPut(t, p, "later", "", later)
	mustPut(t, p, "never", "", time.Time{})
	// Its end is that of the last who wrote it.
	version := mustPut(t, p, "longer", "", soon)
	if _, err := p.Put(ctx, "longer", nil, version, later); err != nil {
		t.Fatal(err)
	}
	if got := keysOf(t, p, ""); len(got) != 6 {
		t.Errorf("before the end: %v", got)
	}
	p.Pass(3 * time.Second)
	_, err := p.Get(ctx, "soon/1")
	wantErr(t, "Get after its end", err, state.ErrNotFound)
	wantErr(t, "Delete after its end", p.Delete(ctx, "soon/2", 0), state.ErrNotFound)
	if got := keysOf(t, p, ""); !slices.Equal(got, []string{"later", "longer", "never"}) {
		t.Errorf("List: %v", got)
	}
	// One that has ended is in nobody's way.
	mustPut(t, p, "soon/3", "new", later)
	if e, err := p.Get(ctx, "soon/3"); err != nil || string(e.Value) != "new" {
		t.Errorf("%+v, %v", e, err)
	}
}

func readsSeveral(t *testing.T, p Place) {
	ctx := context.Background()
	value := strings.Repeat("value ", 1000)
	mustPut(t, p, "soon", "v", p.Now().Add(2*time.Second))
	mustPut(t, p, "a", value, time.Time{})
	mustPut(t, p, "b", "", time.Time{})
	read := func(keys ...string) (found []string) {
		t.Helper()
		all, err := p.GetAll(ctx, keys...)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			found = append(found, e.Key)
			if e.Key == "a" && string(e.Value) != value {
				t.Errorf("%.12q", e.Value)
			}
			clear(e.Value)
		}
		return found
	}
	for range 2 { // a value is its reader's own
		if got := read("b", "missing", "a", "soon", ""); !slices.Equal(got, []string{"b", "a", "soon"}) {
			t.Errorf("%v", got)
		}
	}
	p.Pass(3 * time.Second)
	if got := read("soon", "missing"); len(got) != 0 {
		t.Errorf("%v", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := p.GetAll(ended, "a")
	wantErr(t, "GetAll in a context that has ended", err, context.Canceled)
}

func lists(t *testing.T, p Place) {
	ctx := context.Background()
	for _, key := range []string{"b/1", "a/2", "a", "a/1", "a.", "a/\xff"} {
		mustPut(t, p, key, key, time.Time{})
	}
	for prefix, want := range map[string][]string{
		"a/": {"a/1", "a/2", "a/\xff"}, "a": {"a", "a.", "a/1", "a/2", "a/\xff"}, "c": nil,
		"": {"a", "a.", "a/1", "a/2", "a/\xff", "b/1"},
	} {
		if got := keysOf(t, p, prefix); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
	for e, err := range p.List(ctx, "a/") {
		if err != nil || e.Version == 0 || !bytes.Equal(e.Value, []byte("a/1")) || !e.Expiry.IsZero() {
			t.Errorf("%+v, %v", e, err)
		}
		// Who is in the middle may change it, and may go.
		if err := p.Delete(ctx, e.Key, e.Version); err != nil {
			t.Error(err)
		}
		break
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	ends := 0
	for _, err := range p.List(gone, "a/") {
		ends++
		wantErr(t, "List without a reader", err, context.Canceled)
	}
	if ends != 1 {
		t.Errorf("%d errors", ends)
	}
}

func listsMany(t *testing.T, p Place) {
	var want []string
	var done sync.WaitGroup
	for i := range 700 { // more than a page
		key := fmt.Sprintf("many/%04d", i)
		want = append(want, key)
		done.Go(func() {
			if _, err := p.Put(context.Background(), key, []byte(key), 0, time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if got := keysOf(t, p, "many/"); !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

// What many change at once, one wins.
func increments(t *testing.T, p Place) {
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			if err := increment(p, "n"); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if e, err := p.Get(context.Background(), "n"); err != nil || len(e.Value) != 50 {
		t.Errorf("%d, %v", len(e.Value), err)
	}
}

func increment(p Place, key string) error {
	for {
		e, err := p.Get(context.Background(), key)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		_, err = p.Put(context.Background(), key, append(e.Value, 'x'), e.Version, time.Time{})
		if !errors.Is(err, state.ErrConflict) {
			return err
		}
	}
}

func leaves(t *testing.T, p Place) {
	version := mustPut(t, p, "k", "v", time.Time{})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := p.Put(gone, "k", []byte("w"), version, time.Time{})
	wantErr(t, "Put", err, context.Canceled)
	wantErr(t, "Delete", p.Delete(gone, "k", 0), context.Canceled)
	_, err = p.Get(gone, "k")
	wantErr(t, "Get", err, context.Canceled)
	_, err = p.Epoch(gone)
	wantErr(t, "Epoch", err, context.Canceled)
	if e, err := p.Get(context.Background(), "k"); err != nil || e.Version != version || string(e.Value) != "v" {
		t.Errorf("%+v, %v", e, err)
	}
}

// A store that is new knows nothing of what was before.
func hasEpoch(t *testing.T, p Place) {
	ctx := context.Background()
	epoch, err := p.Epoch(ctx)
	if err != nil || epoch.IsZero() || epoch.After(p.Now()) {
		t.Errorf("%s at %s, %v", epoch, p.Now(), err)
	}
	mustPut(t, p, "k", "", time.Time{})
	p.Pass(time.Second)
	if again, err := p.Epoch(ctx); err != nil || !again.Equal(epoch) {
		t.Errorf("%s, then %s, %v", epoch, again, err)
	}
}

func closed(t *testing.T, p Place) {
	ctx := context.Background()
	mustPut(t, p, "k", "v", time.Time{})
	watching := p.Watch(ctx, "")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := p.Get(ctx, "k")
	wantErr(t, "Get", err, state.ErrUnavailable)
	_, err = p.GetAll(ctx, "k")
	wantErr(t, "GetAll", err, state.ErrUnavailable)
	_, err = p.Put(ctx, "l", nil, 0, time.Time{})
	wantErr(t, "Put", err, state.ErrUnavailable)
	wantErr(t, "Delete", p.Delete(ctx, "k", 0), state.ErrUnavailable)
	_, err = p.Epoch(ctx)
	wantErr(t, "Epoch", err, state.ErrUnavailable)
	for _, err := range p.List(ctx, "") {
		wantErr(t, "List", err, state.ErrUnavailable)
	}
	for name, events := range map[string]<-chan state.Event{"open": watching, "new": p.Watch(ctx, "")} {
		if e, open := next(t, events); open {
			t.Errorf("the %s watch tells %+v", name, e)
		}
	}
}
