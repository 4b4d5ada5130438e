package server

// The audit, and what happens when it cannot be written. What was decided has
// been answered by then, so that the line goes to the log, is counted, and the
// service is not ready until the audit takes lines again: whoever balances load
// sends people elsewhere, and somebody looks. Requests that come all the same
// are answered: a disk that anybody can fill with failed sign-ins must not keep
// a cluster from having its tokens reviewed.

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// auditor is the audit's handler.
type auditor struct {
	slog.Handler
	log     *slog.Logger
	lost    prometheus.Counter
	missing *atomic.Int64 // lines, which the audit does not tell yet
}

// Handle implements slog.Handler. slog's own Logger drops the error.
func (a *auditor) Handle(ctx context.Context, r slog.Record) error {
	err := a.Handler.Handle(ctx, r)
	if err == nil {
		return nil
	}
	a.lost.Inc()
	a.missing.Add(1)
	line := []slog.Attr{slog.String("event", r.Message)}
	r.Attrs(func(attr slog.Attr) bool {
		line = append(line, attr)
		return true
	})
	a.log.LogAttrs(ctx, slog.LevelError, "a line of the audit could not be written", slog.Any("error", err),
		slog.Attr{Key: "line", Value: slog.GroupValue(line...)})
	return err
}

// check is readiness: nothing is missing, or the audit takes a line that says
// how much is. Nobody else would find out that the disk has room again.
func (a *auditor) check(ctx context.Context) error {
	missing := a.missing.Load()
	if missing == 0 {
		return nil
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "audit", 0)
	r.AddAttrs(slog.String("decision", "resumed"), slog.Int64("missing", missing))
	if err := a.Handler.Handle(ctx, r); err != nil {
		return err
	}
	a.missing.Add(-missing)
	return nil
}

// Audit is where decisions are told, for those that the main takes itself.
func (s *Server) Audit() *slog.Logger { return s.o.Audit }
