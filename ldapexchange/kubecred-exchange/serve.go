package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
)

func (a *app) serveCommand() *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Runs the service until SIGTERM or Ctrl-C, and then lets what is under way finish.

The configuration and every file that it names are read again when they change,
and on SIGHUP. A file that cannot be used is logged and shows in the metric
kubecred_exchange_config_last_reload_successful; the old one stays.

The log goes to standard error, and the audit, one line a decision, to standard
output or a file.`,
		Example: cli.Examples("kubecred-exchange serve --config exchange.yaml"),
		Args:    cli.NoArgs,
	}
	addConfig(c, &path)
	c.RunE = func(c *cobra.Command, _ []string) error {
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP) // at first, since one that nobody waits for ends the process
		defer signal.Stop(hangups)
		ctx, stop := endedBySignal(c.Context())
		defer stop()
		return a.serve(ctx, path, hangups, nil)
	}
	return c
}

// endedBySignal returns a context that ends with Ctrl-C or SIGTERM. A second
// one ends the process at once.
func endedBySignal(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// serve runs a service until ctx ends, and reloads at each of hangups. Once it
// answers it calls ready. Both may be nil.
func (a *app) serve(ctx context.Context, path string, hangups <-chan os.Signal, ready func()) (err error) {
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	log := newLog(a.stderr, c.Log)
	s, err := newService(ctx, c, log, a.stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	main, metrics, err := listen(ctx, c)
	if err != nil {
		return err
	}
	stop := s.onHangup(ctx, hangups)
	defer stop()
	return s.run(ctx, main, metrics, ready)
}

// listen opens the listeners; metrics is nil where none is wanted.
func listen(ctx context.Context, c *config.Config) (main, metrics net.Listener, err error) {
	if main, err = listenOn(ctx, "listen.address", c.Listen.Address); err != nil || c.Metrics == nil {
		return main, nil, err
	}
	if metrics, err = listenOn(ctx, "metrics.address", c.Metrics.Address); err != nil {
		return nil, nil, errors.Join(err, main.Close())
	}
	return main, metrics, nil
}

func listenOn(ctx context.Context, key, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, cli.Fail(fmt.Errorf("cannot listen on %s: %w", address, err), "end what holds the port, or change "+key, exitConfig)
	}
	return l, nil
}

// onHangup reloads at each SIGHUP, one after the other.
func (s *service) onHangup(ctx context.Context, hangups <-chan os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				s.reload(ctx) // which tells of its error
			}
		}
	}()
	return func() { cancel(); <-ended }
}

func newLog(to io.Writer, l config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // the reader takes no other words
	}
	return slog.New(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level}))
}
