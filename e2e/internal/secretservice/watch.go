package secretservice

import (
	"context"
	"errors"

	"github.com/godbus/dbus/v5"
)

// Watch returns what is closed once somebody on the bus at the address asks the Secret Service for one
// of its properties, answered or not. It ends with the context.
func Watch(ctx context.Context, address string) (<-chan struct{}, error) {
	conn, err := connect(ctx, address)
	if err != nil {
		return nil, err
	}
	rules := []string{"type='method_call',interface='org.freedesktop.DBus.Properties',path='" + string(path) + "'"}
	if err := conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.Monitoring.BecomeMonitor", 0, rules, uint32(0)).Err; err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	seen := make(chan *dbus.Message, 100)
	conn.Eavesdrop(seen) // from here on no call of this connection sees its answer
	asked := make(chan struct{})
	go func() {
		defer conn.Close()
		for {
			select {
			case message, ok := <-seen:
				if !ok {
					return
				}
				if message.Type == dbus.TypeMethodCall {
					close(asked)
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return asked, nil
}

// Owner is the number of the process that provides the Secret Service on the bus at the address.
func Owner(ctx context.Context, address string) (int, error) {
	conn, err := connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var pid uint32
	err = conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetConnectionUnixProcessID", 0, name).Store(&pid)
	return int(pid), err
}
