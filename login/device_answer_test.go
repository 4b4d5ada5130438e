package login

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/secret"
)

func TestDeviceEndpointBroken(t *testing.T) {
	network, provider, oauth := new(*NetworkError), new(*ProviderError), new(*OAuthError)
	for name, test := range map[string]struct {
		option oidctest.Option
		as     any
	}{
		"none":            {oidctest.NoDeviceEndpoint(), new(*UnsupportedError)}, // Cognito
		"503":             {oidctest.Break(oidctest.Device, oidctest.Status(503, 0)), network},
		"portal":          {oidctest.Break(oidctest.Device, oidctest.NotJSON()), provider},
		"404":             {oidctest.Break(oidctest.Device, oidctest.Status(404, 0)), provider},
		"refused":         {oidctest.Grants(oidctest.GrantCode), oauth}, // Keycloak: off by default
		"refused, 200":    {oidctest.Break(oidctest.Device, oidctest.Refuse(200, "device_flow_disabled", "", nil)), oauth},
		"endless":         {oidctest.Break(oidctest.Device, oidctest.Endless()), provider},
		"no device code":  {oidctest.Drop(oidctest.Device, "device_code"), provider},
		"no user code":    {oidctest.Drop(oidctest.Device, "user_code"), provider},
		"no address":      {oidctest.Drop(oidctest.Device, "verification_uri"), provider},
		"hidden code":     {oidctest.Set(oidctest.Device, "user_code", "AB\u200bCD"), provider},
		"control code":    {oidctest.Set(oidctest.Device, "user_code", oidctest.ControlText), provider},
		"long code":       {oidctest.Set(oidctest.Device, "user_code", strings.Repeat("A", 500)), provider},
		"number for text": {oidctest.Set(oidctest.Device, "device_code", 7), provider},
	} {
		p := oidctest.Start(t, test.option)
		c, waits := deviceClient(t, p)
		who := newPerson()
		_, err := c.Device(within(t), DeviceOptions{Person: who})
		if !errors.As(err, test.as) || len(waits.list()) != 0 || who.text() != "" || strings.ContainsAny(err.Error(), "\x1b\u202e\u200b") {
			t.Errorf("%s: %v (%T), shown %q", name, err, err, who.text())
		}
	}
}

func TestHostileVerificationURLs(t *testing.T) {
	p := oidctest.Start(t)
	c, _ := deviceClient(t, p)
	for _, address := range oidctest.HostileURLs() {
		p.Apply(oidctest.Unedited(oidctest.Device), oidctest.Set(oidctest.Device, "verification_uri", address))
		who := newPerson()
		_, err := c.Device(within(t), DeviceOptions{Person: who})
		if wantError[*ProviderError](t, err); who.text() != "" || len(err.Error()) > 300 {
			t.Errorf("%.60q: %v", address, err)
		}
	}
}

// The picture leads where the text says, or it is of the text.
func TestVerificationPages(t *testing.T) {
	issuer := &url.URL{Scheme: "https", Host: "issuer.example"}
	for _, test := range []struct{ page, complete, picture string }{
		{"https://a.example/device", "https://a.example/device?user_code=X", "https://a.example/device?user_code=X"},
		{"https://a.example/device", "https://b.example/device?user_code=X", "https://a.example/device"},
		{"https://a.example/device", "javascript:alert(1)", "https://a.example/device"},
		{"https://a.example/device", "", "https://a.example/device"},
		{"http://a.example/device", "", ""},
		{"http://localhost/device", "", ""},
		{"https://localhost/device", "", ""},
		{"https://аpple.example/device", "", ""}, // a Cyrillic а
	} {
		var d device
		err := d.readPages(deviceAnswer{VerificationURI: test.page, Complete: test.complete}, issuer)
		if (err == nil) != (test.picture != "") || d.picture != test.picture {
			t.Errorf("%s with %s: %q, %v", test.page, test.complete, d.picture, err)
		}
	}
}

// Every account of an error is the person's to read: none holds what was sent.
func TestDeviceErrorsHoldNoSecret(t *testing.T) {
	p := oidctest.Start(t, oidctest.Confidential(oidctest.AuthPost, "canary-secret"))
	p.Apply(oidctest.Break(oidctest.Device, func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		oidctest.Refuse(400, "invalid_client", r.PostForm.Get("client_secret")+"\x1b", nil)(w, r, nil)
	}))
	c, _ := deviceClient(t, p, func(c *Config) { c.ClientSecret, c.AuthMethod = secret.New("canary-secret"), AuthPost })
	_, err := c.Device(within(t), DeviceOptions{Person: newPerson()})
	if wantError[*OAuthError](t, err); strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error = %v", err)
	}
}
