package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/kubecred/kubecred/ldapexchange/state"
)

// patience is for an event that has to come.
const patience = 10 * time.Second

func next(t *testing.T, events <-chan state.Event) (state.Event, bool) {
	t.Helper()
	select {
	case e, open := <-events:
		return e, open
	case <-time.After(patience):
		t.Fatal("nothing is told")
		return state.Event{}, false
	}
}

// watches: the changes below a prefix, in their order, and nothing else.
func watches(t *testing.T, p Place) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	expiry := p.Now().Add(time.Hour)
	events := p.Watch(ctx, "a/")
	first := mustPut(t, p, "a/1", "v", expiry)
	mustPut(t, p, "b/1", "v", time.Time{})
	_, err := p.Put(ctx, "a/1", []byte("w"), 0, time.Time{})
	wantErr(t, "another Put", err, state.ErrConflict)
	second, err := p.Put(ctx, "a/1", []byte("w"), first, expiry)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(ctx, "a/1", second); err != nil {
		t.Fatal(err)
	}
	for i, want := range []state.Entry{{Value: []byte("v"), Version: first}, {Value: []byte("w"), Version: second}} {
		e, _ := next(t, events)
		if e.Key != "a/1" || e.Deleted || string(e.Value) != string(want.Value) || e.Version != want.Version || !e.Expiry.Equal(expiry) {
			t.Errorf("%d: %+v", i, e)
		}
	}
	if e, _ := next(t, events); e.Key != "a/1" || !e.Deleted {
		t.Errorf("%+v", e)
	}
	cancel()
	if e, open := next(t, events); open {
		t.Errorf("after the context's end: %+v", e)
	}
}

// watchesFromNowOn: what was there before is List's.
func watchesFromNowOn(t *testing.T, p Place) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	mustPut(t, p, "old", "", time.Time{})
	one, other := p.Watch(ctx, ""), p.Watch(ctx, "")
	mustPut(t, p, "new", "", time.Time{})
	for _, events := range []<-chan state.Event{one, other} {
		if e, _ := next(t, events); e.Key != "new" {
			t.Errorf("%+v", e)
		}
	}
	gone, leave := context.WithCancel(ctx)
	leave()
	if e, open := next(t, p.Watch(gone, "")); open {
		t.Errorf("nobody is there: %+v", e)
	}
}

// slowWatcher: who does not read finds what came first, without a gap, and then
// the channel closed, unless all of it had room.
func slowWatcher(t *testing.T, p Place) {
	const changes = 600
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	slow := p.Watch(ctx, "c/")
	for i := range changes {
		mustPut(t, p, fmt.Sprintf("c/%d", i), "", time.Time{})
	}
	for i := range changes {
		e, open := next(t, slow)
		if !open {
			return
		}
		if want := fmt.Sprintf("c/%d", i); e.Key != want {
			t.Fatalf("%s in place of %s", e.Key, want)
		}
	}
}
