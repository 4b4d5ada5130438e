package main

// What the main itself measures, beside what the server does.

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type gauges struct {
	reloads *prometheus.CounterVec
	good    prometheus.Gauge
	keys    prometheus.Gauge
}

const namespace = "kubecred_exchange"

func newGauges(to prometheus.Registerer, s *service) *gauges {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	}
	g := &gauges{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "config_reloads_total",
			Help: "Times the configuration was read again, by result."}, []string{"result"}),
		good: gauge("config_last_reload_successful", "1, or 0 while the file or one it names cannot be used and an older one serves."),
		keys: gauge("keys_last_tend_successful", "1, or 0 while the signing keys cannot be read, rotated or removed."),
	}
	g.good.Set(1)
	g.keys.Set(1)
	to.MustRegister(g.reloads, g.good, g.keys, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "certificate_expiry_timestamp_seconds", Help: "When the server's certificate ends.",
	}, s.expiry))
	return g
}

func (g *gauges) reloaded(err error) {
	result, good := "success", 1.0
	if err != nil {
		result, good = "failure", 0
	}
	g.reloads.WithLabelValues(result).Inc()
	g.good.Set(good)
}

func (g *gauges) tended(err error) {
	if err != nil {
		g.keys.Set(0)
		return
	}
	g.keys.Set(1)
}

// expiry is in seconds of Unix time, as Prometheus counts; 0 without TLS.
func (s *service) expiry() float64 {
	g, release := s.acquire()
	defer release()
	if g.pair == nil {
		return 0
	}
	return float64(g.pair.Expiry().UnixNano()) / float64(time.Second)
}
