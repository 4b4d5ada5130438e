package doctor

// The provider or the exchange: one look at it tells of its document, its
// certificate and its clock; a second one of its keys.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/login"
)

const (
	visitShare = 5 * time.Second
	// afterShare is for what waits for the visit.
	afterShare = visitShare + 3*time.Second
)

// Provider is where credentials come from.
type Provider struct {
	Issuer   string // its address; "" where the entry has none
	ClientID string
	// Discovers is false for an exchange whose address is all there is.
	Discovers bool
	HTTP      *http.Client // by the settings; MUST come from internal/httpclient
	Proxy     string       // the policy's, as httpclient.Options has it
	CAPEM     []byte       // trusted instead of the system's roots, or besides
	CASource  string       // who says so
	Unchecked bool         // certificates are not checked
	Variable  func(string) string
	Now       func() time.Time
	Hint      func(error) string // what to do about an error

	visit visit
}

// visit is what the first look at the provider told. It is made once, by
// whoever needs it first.
type visit struct {
	once   sync.Once
	done   chan struct{}
	client *login.Client
	err    error

	seen struct { // of the first answer
		sync.Mutex
		at    time.Time
		date  time.Time // zero where it said none
		state *tls.ConnectionState
	}
}

// Checks are those of the group "provider".
func (p *Provider) Checks() []Check {
	name := "discovery"
	if !p.Discovers {
		name = "exchange"
	}
	at := func(name string, share time.Duration, run func(context.Context) Finding) Check {
		return Check{"provider", name, share, func(ctx context.Context) Finding {
			if p.Issuer == "" {
				return skipped("no provider is asked for this entry")
			}
			return run(ctx)
		}}
	}
	checks := []Check{
		at("proxy", fileShare, func(context.Context) Finding { return p.proxy() }),
		at(name, visitShare, p.discovery),
		at("certificate", afterShare, p.certificate),
		at("clock", afterShare, p.clock),
	}
	if p.Discovers {
		checks = append(checks, at("keys", afterShare, p.keys))
	}
	return checks
}

// Metadata returns what the provider says of itself, once it is known; nil
// where it cannot be had.
func (p *Provider) Metadata(ctx context.Context) *login.Metadata {
	if p.Issuer == "" || !p.Discovers || p.wait(ctx) != nil {
		return nil
	}
	m := p.visit.client.Metadata()
	return &m
}

// proxy tells which one a request takes. Go passes over a variable that holds no
// address without a word.
func (p *Provider) proxy() Finding {
	address, err := url.Parse(p.Issuer)
	if err != nil {
		return skipped("the issuer is no URL")
	}
	host := httpclient.ProxyHost(p.Proxy, &http.Request{URL: address})
	switch {
	case p.Proxy == "none":
		return ok("none, by the policy")
	case p.Proxy != "":
		return ok("%s, by the policy", host)
	case host != "":
		return note("%s, by %s", host, p.proxyVariable())
	}
	if name := p.proxyVariable(); name != "" && !isProxy(p.Variable(name)) {
		return warning(name+" holds no proxy's address, and is passed over", "correct it, or unset it")
	}
	return ok("none: %s is asked directly", address.Host)
}

// proxyVariable names the one that counts for the issuer; "" is none.
func (p *Provider) proxyVariable() string {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		if p.Variable(name) != "" {
			return name
		}
	}
	return ""
}

func isProxy(text string) bool {
	_, err := url.Parse(text)
	_, otherwise := url.Parse("http://" + text)
	return err == nil || otherwise == nil
}

// wait makes the visit, or waits for it.
func (p *Provider) wait(ctx context.Context) error {
	p.visit.once.Do(func() {
		p.visit.done = make(chan struct{})
		go func() {
			defer close(p.visit.done)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), visitShare)
			defer cancel()
			p.visit.client, p.visit.err = p.look(ctx)
		}()
	})
	select {
	case <-p.visit.done:
		return p.visit.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Provider) look(ctx context.Context) (*login.Client, error) {
	watched := *p.HTTP
	watched.Transport = &watching{p.HTTP.Transport, p}
	if p.Discovers {
		// Without the client's secret: nothing here authenticates.
		return login.Discover(ctx, login.Config{Issuer: p.Issuer, ClientID: p.ClientID, HTTP: &watched, Now: p.Now})
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, p.Issuer, nil)
	if err != nil {
		return nil, errors.New("its address cannot be used")
	}
	resp, err := watched.Do(req)
	if err != nil {
		return nil, err
	}
	return nil, resp.Body.Close()
}

// watching notes of the first answer when it came and what it came with.
type watching struct {
	base     http.RoundTripper
	provider *Provider
}

func (w *watching) RoundTrip(req *http.Request) (*http.Response, error) {
	began := w.provider.Now()
	resp, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	now := w.provider.Now()
	seen := &w.provider.visit.seen
	seen.Lock()
	defer seen.Unlock()
	if seen.at.IsZero() {
		seen.at, seen.state = began.Add(now.Sub(began)/2), resp.TLS
		seen.date = dateOf(resp.Header)
	}
	return resp, nil
}

// dateOf is the server's clock at its answer. One that comes from a cache says
// for how long it lay there (RFC 9111, section 5.1).
func dateOf(h http.Header) time.Time {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	age, err := strconv.Atoi(h.Get("Age"))
	if err != nil || age < 0 || age > 1<<30 {
		age = 0
	}
	return date.Add(time.Duration(age) * time.Second)
}

func (p *Provider) discovery(ctx context.Context) Finding {
	began := time.Now()
	err := p.wait(ctx)
	took := round(time.Since(began))
	switch {
	case untrusted(err) != nil:
		return skipped("it was not read, since its certificate is not trusted")
	case err != nil && ctx.Err() != nil:
		return failed(fmt.Sprintf("%s did not answer within %s", host(p.Issuer), took), "check the connection, the proxy (HTTPS_PROXY, NO_PROXY) and the issuer's name")
	case err != nil:
		return failed(err.Error(), p.Hint(err))
	case !p.Discovers:
		return ok("%s answers (%s)", host(p.Issuer), took)
	}
	return ok("%s answers (%s) and gives %s", p.Issuer, took, grants(p.visit.client.Metadata()))
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the provider"
	}
	return u.Host
}

func grants(m login.Metadata) string {
	var list []string
	if m.OffersCode() {
		list = append(list, "codes")
	}
	if m.OffersDevice() {
		list = append(list, "device login")
	}
	if m.Credentials != "" {
		list = append(list, "certificates")
	}
	if len(list) == 0 {
		return "neither codes nor device login"
	}
	return strings.Join(list, ", ")
}

// notSeen is the finding for what cannot be looked at after a visit that failed.
// The line of the visit says why.
func notSeen() Finding { return skipped("there was no answer to look at") }

func untrusted(err error) *tls.CertificateVerificationError {
	var untrusted *tls.CertificateVerificationError
	errors.As(err, &untrusted)
	return untrusted
}

// soon reports whether a certificate's end is near, for one that lives as long:
// two weeks, and for those that are renewed every few days the last quarter.
func soon(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < min(14*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/4)
}

func (p *Provider) certificate(ctx context.Context) Finding {
	err := p.wait(ctx)
	source := "the system's authorities"
	if len(p.CAPEM) > 0 {
		source = "the authority of " + p.CASource
	}
	if wrong := untrusted(err); wrong != nil {
		return failed(p.distrust(wrong, source), "check the host's name, this machine's clock, and certificate-authority: a proxy that opens TLS has an authority of its own")
	}
	p.visit.seen.Lock()
	state := p.visit.seen.state
	came := !p.visit.seen.at.IsZero()
	p.visit.seen.Unlock()
	switch {
	case !came:
		return notSeen()
	case state == nil:
		return ok("none: it speaks plain http on this machine")
	case p.Unchecked:
		return warning("it is not checked (insecure-skip-tls-verify): anyone can answer in its name", "leave insecure-skip-tls-verify out, and name its authority with certificate-authority")
	}
	leaf := state.PeerCertificates[0]
	text := fmt.Sprintf("it is vouched for by %s", source)
	if len(state.VerifiedChains) > 0 {
		chain := state.VerifiedChains[0]
		text += fmt.Sprintf(" (%s)", cli.OneLine(chain[len(chain)-1].Subject.String()))
	}
	if soon(leaf, p.Now()) {
		return warning(fmt.Sprintf("it ends in %s (%s)", days(leaf.NotAfter.Sub(p.Now())), leaf.NotAfter.UTC().Format(time.DateOnly)), "tell the provider's administrator")
	}
	if ending := ends(p.CAPEM, p.Now()); ending != nil {
		return warning(fmt.Sprintf("an authority of %s ends on %s", p.CASource, ending.NotAfter.UTC().Format(time.DateOnly)), "get the next one from the provider's administrator")
	}
	return ok("%s, until %s", text, leaf.NotAfter.UTC().Format(time.DateOnly))
}

func (p *Provider) distrust(wrong *tls.CertificateVerificationError, source string) string {
	text := fmt.Sprintf("it is not trusted by %s: %v", source, wrong.Err)
	if len(wrong.UnverifiedCertificates) > 0 {
		text += "; it was issued by " + cli.OneLine(wrong.UnverifiedCertificates[0].Issuer.String())
	}
	return text
}

// ends returns an authority that ends soon; nil without one.
func ends(data []byte, now time.Time) *x509.Certificate {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && soon(c, now) {
			return c
		}
	}
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", max(int(d.Hours()), 0))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}

// How far the clocks may be apart. A token that begins more than five minutes
// ahead is refused, and one that lives for a minute or two is over too soon.
const (
	strays  = 30 * time.Second
	refuses = 5 * time.Minute
)

func (p *Provider) clock(ctx context.Context) Finding {
	_ = p.wait(ctx) // an answer that is of no use has a date all the same
	p.visit.seen.Lock()
	at, date := p.visit.seen.at, p.visit.seen.date
	p.visit.seen.Unlock()
	switch {
	case at.IsZero():
		return notSeen()
	case date.IsZero():
		return skipped("its answer says no time")
	}
	skew := at.Sub(date.Add(time.Second / 2)) // a Date is cut to whole seconds
	way := "ahead of"
	if skew < 0 {
		skew, way = -skew, "behind"
	}
	text := fmt.Sprintf("this machine is %s %s the issuer", skew.Round(time.Second), way)
	do := "set this machine's clock (timedatectl set-ntp true); if it is right, tell the provider's administrator"
	switch {
	case skew > refuses:
		return failed(text+", and tokens are refused for that", do)
	case skew > strays:
		return warning(text, do)
	}
	return ok("this machine and the issuer agree within %s", max(skew, time.Second).Round(time.Second))
}

func (p *Provider) keys(ctx context.Context) Finding {
	if p.wait(ctx) != nil {
		return notSeen()
	}
	found, err := p.visit.client.Algorithms(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return failed("the key set did not come in time", "check the connection to the host of its jwks_uri; the API server needs it as well")
	case err != nil:
		return failed(err.Error(), p.Hint(err))
	case len(found) == 0:
		return failed("none of its keys is one that an API server can verify with (RSA, or ECDSA on P-256, P-384 or P-521)", "let the provider sign with RS256 or ES256 for this client")
	case !slices.Contains(found, "RS256"):
		return note("%s; an API server that is set up by flags must be told with --oidc-signing-algs", strings.Join(found, ", "))
	}
	return ok("%s", strings.Join(found, ", "))
}
