package secretservice

import (
	"context"
	"errors"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

const (
	collection = path + "/collection/login"
	prompt     = path + "/prompt/1"
)

// Locked is a Secret Service that says it is locked, and whose prompt never ends: somebody looks at a
// window on another screen, or the window did not come up at all.
type Locked struct {
	// Prompted gets a value each time that a prompt is asked for.
	Prompted chan struct{}

	conn *dbus.Conn
}

// StartLocked takes the Secret Service's name on the bus at the address; nobody else may have it.
func StartLocked(ctx context.Context, address string) (*Locked, error) {
	conn, err := connect(ctx, address)
	if err != nil {
		return nil, err
	}
	l := &Locked{Prompted: make(chan struct{}, 100), conn: conn}
	if err := l.offer(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// Stop leaves the bus, and whoever waits for the prompt alone.
func (l *Locked) Stop() { l.conn.Close() }

func (l *Locked) offer() error {
	_, service := prop.Export(l.conn, path, prop.Map{"org.freedesktop.Secret.Service": {
		"Collections": {Value: []dbus.ObjectPath{collection}},
	}})
	_, login := prop.Export(l.conn, collection, prop.Map{"org.freedesktop.Secret.Collection": {
		"Locked": {Value: true},
	}})
	err := errors.Join(service, login,
		l.conn.Export(lockedService{}, path, "org.freedesktop.Secret.Service"),
		l.conn.Export(endlessPrompt{l.Prompted}, prompt, "org.freedesktop.Secret.Prompt"),
	)
	if err != nil {
		return err
	}
	reply, err := l.conn.RequestName(name, dbus.NameFlagDoNotQueue)
	if err == nil && reply != dbus.RequestNameReplyPrimaryOwner {
		err = errors.New(name + " has an owner already")
	}
	return err
}

type lockedService struct{}

// OpenSession is org.freedesktop.Secret.Service's.
func (lockedService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), path + "/session/1", nil
}

// Unlock unlocks nothing until a prompt is through.
func (lockedService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return []dbus.ObjectPath{}, prompt, nil
}

type endlessPrompt struct{ prompted chan<- struct{} }

// Prompt never sends Completed.
func (p endlessPrompt) Prompt(string) *dbus.Error {
	p.prompted <- struct{}{}
	return nil
}
