package oidctest

import (
	"fmt"
	"net/http"
	"testing"
)

func TestOnlyOnLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if p, err := New(Address(address)); err == nil {
			p.Close()
			t.Errorf("listens on %q", address)
		}
	}
	for _, address := range []string{"localhost:0", "127.0.0.1:0"} {
		get(t, Start(t, Address(address)), pathDiscovery)
	}
}

func TestComesBackWhereItWas(t *testing.T) {
	p := Start(t)
	address := p.URL[len("http://"):]
	if _, err := New(Address(address)); err == nil {
		t.Error("two providers share an address")
	}
	p.Close()
	if again := Start(t, Address(address)); again.Issuer != p.Issuer {
		t.Errorf("%s, and %s before", again.Issuer, p.Issuer)
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	if _, err := New(func(c *Config) { c.Alg = "none" }); err == nil {
		t.Error("a provider that signs with none")
	}
}

// failing is a TB that remembers.
type failing struct{ said string }

func (*failing) Helper()                          {}
func (*failing) Cleanup(func())                   {}
func (f *failing) Fatalf(format string, a ...any) { f.said = fmt.Sprintf(format, a...) }

func TestStartFailsTheTest(t *testing.T) {
	f := &failing{}
	if p := Start(f, Address("0.0.0.0:0")); p != nil || f.said == "" {
		t.Errorf("%v, %q", p, f.said)
	}
}

func TestTLSIsNotTrustedByAccident(t *testing.T) {
	p := Start(t, TLS())
	if _, err := (Browser{}).Open(t.Context(), p.endpoint(pathDiscovery)); err == nil {
		t.Error("trusted without its authority")
	}
	if page, err := (Browser{CAPEM: p.CAPEM()}).Open(t.Context(), p.endpoint(pathDiscovery)); err != nil || page.Status != http.StatusOK {
		t.Errorf("%+v, %v", page, err)
	}
	if Start(t).CAPEM() != nil {
		t.Error("an authority without TLS")
	}
}

func TestTooLargeForms(t *testing.T) {
	p := Start(t)
	if a := post(t, p, pathToken, values(codeForm("x"), "code", string(make([]byte, maxForm)))); a.status != http.StatusBadRequest {
		t.Errorf("%d", a.status)
	}
}
