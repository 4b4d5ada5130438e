package main

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/exchangetest"
)

// exchange is what scripts say about an exchange:
//
//	exchange                start one, whose provider becomes the script's
//	exchange answer STATUS  to everything but the provider's part; 0 mends it
//	exchange lives SPAN     so long do its certificates live
//	exchange asked N        so many requests arrived beside the provider
//	exchange sent REGEXP    the last of them reads METHOD PATH AUTHORIZATION BODY
//	exchange gave NAME      the last stdout holds a certificate of its own for NAME,
//	                        and its key, of which no request has a word
func exchange(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if len(args) == 0 {
		startExchange(ts)
		return
	}
	if neg || len(args) != 2 || w.exchange == nil {
		ts.Fatalf("usage: exchange [answer STATUS | lives SPAN | asked N | sent REGEXP | gave NAME]")
	}
	all := w.exchange.Requests()
	switch args[0] {
	case "answer":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		w.exchange.Answer(status)
	case "lives":
		span, err := time.ParseDuration(args[1])
		ts.Check(err)
		w.exchange.Lifetime(span)
	case "asked":
		if strconv.Itoa(len(all)) != args[1] {
			ts.Fatalf("%d requests, want %s", len(all), args[1])
		}
	case "sent":
		last := all[len(all)-1]
		text := strings.Join([]string{last.Method, last.Path, last.Authorization, last.Body}, " ")
		if !regexp.MustCompile(`\A(?:` + args[1] + `)\z`).MatchString(text) {
			ts.Fatalf("sent %q", text)
		}
	case "gave":
		gave(ts, w.exchange, args[1])
	default:
		ts.Fatalf("no %q", args[0])
	}
}

func startExchange(ts *testscript.TestScript) {
	x, err := exchangetest.New()
	ts.Check(err)
	ts.Defer(x.Close)
	w := worldOf(ts)
	w.provider.Close()
	w.provider, w.exchange = x.Provider, x
	ts.Setenv("EXCHANGE", x.Provider.Issuer)
	ts.Setenv("OTHER", x.URL)
}

func gave(ts *testscript.TestScript, x *exchangetest.Exchange, name string) {
	var printed struct {
		Status struct {
			Certificate string `json:"clientCertificateData"`
			Key         string `json:"clientKeyData"`
			Token       string `json:"token"`
			Expiry      string `json:"expirationTimestamp"`
		} `json:"status"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &printed))
	got, err := x.Verify(printed.Status.Certificate, printed.Status.Key)
	ts.Check(err)
	if got != name || printed.Status.Token != "" || printed.Status.Expiry == "" {
		ts.Fatalf("the certificate is for %s, token %q, until %q", got, printed.Status.Token, printed.Status.Expiry)
	}
	for _, r := range x.Requests() {
		for line := range strings.Lines(printed.Status.Key) {
			if line = strings.TrimSpace(line); len(line) > 20 && strings.Contains(r.Body, line) || strings.Contains(r.Body, "PRIVATE") {
				ts.Fatalf("the key was sent")
			}
		}
	}
}
