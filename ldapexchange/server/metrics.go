package server

// Metrics in a registry of their own. Every label's value is one of ours: a
// route, a status, an outcome, a reason. Nothing a client sends becomes one, so
// that nobody can fill the memory and no name is told.

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	decisions   *prometheus.CounterVec
	directory   *prometheus.HistogramVec
	connections prometheus.Gauge
	evicted     prometheus.Counter
	panics      prometheus.Counter
	unaudited   prometheus.Counter
}

const namespace = "kubecred_exchange"

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help,
			Buckets: []float64{.0005, .002, .01, .05, .25, 1, 5, 15}}, labels)
	}
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		requests:  counter("requests_total", "Requests by route and status.", "route", "code"),
		seconds:   histogram("request_duration_seconds", "How long answers took.", "route"),
		decisions: counter("decisions_total", "What was granted, refused, or could not be decided.", "event", "decision", "reason"),
		directory: histogram("directory_duration_seconds", "How long the directory took.", "operation", "result"),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: "connections",
			Help: "Open connections."}),
		evicted: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "connections_evicted_total",
			Help: "Quiet connections closed to make room for others."}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "panics_total",
			Help: "Handlers that panicked: a bug each."}),
		unaudited: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: "audit_lines_lost_total",
			Help: "Lines that the audit did not take; the log has them."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.decisions, m.directory, m.connections, m.evicted, m.panics, m.unaudited,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is where the main may add metrics of its own, such as of reloads.
func (s *Server) Registry() *prometheus.Registry { return s.metrics.registry }

// Metrics answers Prometheus, for a listener of its own.
func (s *Server) Metrics() http.Handler {
	return promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

func (m *metrics) request(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) decision(event, outcome, reason string) {
	m.decisions.WithLabelValues(event, outcome, reason).Inc()
}
