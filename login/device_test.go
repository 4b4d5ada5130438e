package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// deviceClient is a client whose waits take no time.
func deviceClient(t *testing.T, p *oidctest.Provider, edits ...func(*Config)) (*Client, *pauses) {
	t.Helper()
	waits := &pauses{clock: newClock()}
	p.Apply(oidctest.Clock(waits.clock.Now))
	c := discovered(t, p, append(edits, func(c *Config) { c.Now = waits.clock.Now })...)
	c.wait = waits.wait
	return c, waits
}

func secondsOf(list []time.Duration) string {
	text := ""
	for _, d := range list {
		text += fmt.Sprint(" ", d.Seconds())
	}
	return strings.TrimSpace(text)
}

func TestDevice(t *testing.T) {
	for name, options := range map[string][]oidctest.Option{
		"plain":  nil,
		"PKCE":   {func(c *oidctest.Config) { c.DevicePKCE = true }}, // as Keycloak can require it
		"Google": {oidctest.GoogleDevice()},
		// int128/kubelogin and x/oauth2 poll at once; a strict provider then says slow_down.
		"policed": {func(c *oidctest.Config) { c.PoliceInterval = true }},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, append(options, oidctest.DeviceApprovedAfter(3))...)
			c, waits := deviceClient(t, p, func(c *Config) { c.ExtraParams = map[string]string{"audience": "kubernetes"} })
			who := newPerson()
			who.open = func(string) error { t.Error("an address was opened by itself"); return nil }
			waits.then = func(n int) {
				if polls := p.Count(oidctest.Token); polls != n-1 {
					t.Errorf("%d polls before wait %d", polls, n)
				}
			}
			got, err := c.Device(within(t), DeviceOptions{Person: who})
			if err != nil || got.Claims.Subject != "user-1" || got.RefreshToken.Empty() {
				t.Fatalf("tokens = %+v, %v", got, err)
			}
			if took := secondsOf(waits.list()); took != "5 5 5" || p.CountGrant(oidctest.GrantDevice) != 3 {
				t.Errorf("waited %s, polled %d times", took, p.CountGrant(oidctest.GrantDevice))
			}
			asked, polled := p.Requests(oidctest.Device)[0].Form, p.Requests(oidctest.Token)[0].Form
			if asked.Get("code_challenge_method") != "S256" || asked.Get("audience") != "kubernetes" || polled.Get("code_verifier") == "" {
				t.Errorf("sent %v, then %v", asked, polled)
			}
			page, _ := url.Parse(p.URL)
			for _, want := range []string{p.Issuer + "/device", "It is at " + page.Host + ".", "started this sign-in yourself"} {
				if !strings.Contains(who.text(), want) {
					t.Errorf("%q is missing in:\n%s", want, who.text())
				}
			}
			if strings.Contains(who.text(), "█") || strings.Contains(who.text(), polled.Get("device_code")) || who.waits != 0 {
				t.Errorf("shown:\n%s", who.text())
			}
		})
	}
}

func TestDeviceWithoutPKCE(t *testing.T) {
	p := oidctest.Start(t, oidctest.DeviceApprovedAfter(1))
	c, _ := deviceClient(t, p, func(c *Config) { c.PKCE = "no" })
	if _, err := c.Device(within(t), DeviceOptions{Person: newPerson()}); err != nil {
		t.Fatal(err)
	}
	if p.Requests(oidctest.Device)[0].Form.Has("code_challenge") || p.Requests(oidctest.Token)[0].Form.Has("code_verifier") {
		t.Error("PKCE was sent")
	}
}

// Denied and expired are distinct; the code's end, as the provider or as we
// know it, is a wait that came to its end.
func TestDeviceThatFails(t *testing.T) {
	then := func(do func(p *oidctest.Provider, userCode string) error) func(*testing.T, *oidctest.Provider, *pauses) {
		return func(t *testing.T, p *oidctest.Provider, waits *pauses) {
			waits.then = func(n int) {
				if n == 2 {
					if err := do(p, p.UserCodes()[0]); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	for name, test := range map[string]struct {
		prepare func(*testing.T, *oidctest.Provider, *pauses)
		want    error
		polls   int
	}{
		"denied":        {then((*oidctest.Provider).DenyDevice), ErrDenied, 2},
		"expired there": {then((*oidctest.Provider).ExpireDevice), ErrTimeout, 2},
		"expired here":  {func(*testing.T, *oidctest.Provider, *pauses) {}, ErrTimeout, 119},
		"never answering": {then(func(p *oidctest.Provider, _ string) error {
			p.Apply(oidctest.Break(oidctest.Token, oidctest.Cut()))
			return nil
		}), ErrTimeout, 13},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t)
			c, waits := deviceClient(t, p)
			test.prepare(t, p, waits)
			who := newPerson()
			_, err := c.Device(within(t), DeviceOptions{Person: who})
			if !errors.Is(err, test.want) || errors.Is(err, ErrDenied) == errors.Is(err, ErrTimeout) || p.CountGrant(oidctest.GrantDevice) != test.polls || who.waits != 0 {
				t.Errorf("error = %v after %d polls", err, p.CountGrant(oidctest.GrantDevice))
			}
		})
	}
}

// x/oauth2's DeviceAccessToken gives up at one 503; its AuthStyleAutoDetect
// sent 8 requests in 4 ticks.
func TestDevicePollsOnThroughTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		fault oidctest.Fault
		want  string
	}{
		"503":                    {oidctest.First(3, oidctest.Status(503, 0)), "5 10 20 40"},
		"429":                    {oidctest.First(1, oidctest.Status(429, 60)), "5 10"},
		"cut":                    {oidctest.First(2, oidctest.Cut()), "5 10 20"},
		"for long":               {oidctest.First(6, oidctest.Status(502, 0)), "5 10 20 40 60 60 60"},
		"pending in between":     {oidctest.First(3, alternate(oidctest.Status(503, 0), oidctest.Refuse(400, "authorization_pending", "", nil))), "5 10 5 10"},
		"slow_down":              {oidctest.First(3, oidctest.Refuse(400, "slow_down", "", nil)), "5 10 15 20"},
		"slow_down with 429":     {oidctest.First(1, oidctest.Refuse(429, "slow_down", "", nil)), "5 10"},
		"slow_down with a value": {oidctest.First(1, oidctest.Refuse(400, "slow_down", "", map[string]any{"interval": 12})), "5 12"},
		"slow_down, less":        {oidctest.First(1, oidctest.Refuse(400, "slow_down", "", map[string]any{"interval": 1})), "5 10"},
		"slow_down, hostile":     {oidctest.First(1, oidctest.Refuse(400, "slow_down", "", map[string]any{"interval": 1e9})), "5 300"},
		"pending as GitHub says": {oidctest.First(2, oidctest.Refuse(200, "authorization_pending", "", nil)), "5 5 5"},
		"pending as Google says": {oidctest.First(2, oidctest.Refuse(428, "authorization_pending", "", nil)), "5 5 5"},
	} {
		t.Run(name, func(t *testing.T) {
			p := oidctest.Start(t, oidctest.DeviceApprovedAfter(1), oidctest.Break(oidctest.Token, test.fault))
			c, waits := deviceClient(t, p)
			if _, err := c.Device(within(t), DeviceOptions{Person: newPerson()}); err != nil {
				t.Fatal(err)
			}
			if took := secondsOf(waits.list()); took != test.want || p.CountGrant(oidctest.GrantDevice) != len(waits.list()) {
				t.Errorf("waited %s, want %s; polled %d times", took, test.want, p.CountGrant(oidctest.GrantDevice))
			}
		})
	}
}

// Other answers end the wait.
func TestDevicePollThatCannotGoOn(t *testing.T) {
	for name, test := range map[string]struct {
		fault oidctest.Fault
		as    any
	}{
		"invalid_client": {oidctest.Refuse(401, "invalid_client", "", nil), new(*OAuthError)},
		"portal":         {oidctest.NotJSON(), new(*ProviderError)},
		"redirect":       {oidctest.RedirectTo("/elsewhere"), new(*ProviderError)},
		"endless":        {oidctest.Endless(), new(*ProviderError)},
	} {
		p := oidctest.Start(t, oidctest.Break(oidctest.Token, test.fault))
		c, waits := deviceClient(t, p)
		if _, err := c.Device(within(t), DeviceOptions{Person: newPerson()}); !errors.As(err, test.as) || len(waits.list()) != 1 {
			t.Errorf("%s: %v (%T) after %d polls", name, err, err, len(waits.list()))
		}
	}
}

// x/oauth2 panics on a negative interval and fails on a string.
func TestDeviceIntervals(t *testing.T) {
	want := map[string]string{"float": "1", "huge": "60", "exponent": "60"}
	for name, value := range oidctest.OddNumbers() {
		p := oidctest.Start(t, oidctest.DeviceApprovedAfter(1), oidctest.Set(oidctest.Device, "interval", value), oidctest.Set(oidctest.Device, "expires_in", value))
		if name == "string" || name == "float" {
			p.Apply(oidctest.Set(oidctest.Device, "expires_in", 600))
		}
		c, waits := deviceClient(t, p)
		_, err := c.Device(within(t), DeviceOptions{Person: newPerson()})
		expected := want[name]
		if expected == "" {
			expected = "5"
		}
		if took := secondsOf(waits.list()); err != nil || took != expected {
			t.Errorf("%s: waited %s, want %s: %v", name, took, expected, err)
		}
	}
	// npm oidc-provider leaves it out.
	p := oidctest.Start(t, oidctest.DeviceApprovedAfter(2), oidctest.Drop(oidctest.Device, "interval", "expires_in"))
	c, waits := deviceClient(t, p)
	if _, err := c.Device(within(t), DeviceOptions{Person: newPerson()}); err != nil || secondsOf(waits.list()) != "5 5" {
		t.Errorf("waited %s: %v", secondsOf(waits.list()), err)
	}
}

func TestDeviceTimeout(t *testing.T) {
	p := oidctest.Start(t)
	c, waits := deviceClient(t, p)
	_, err := c.Device(within(t), DeviceOptions{Person: newPerson(), Timeout: 12 * time.Second})
	if !errors.Is(err, ErrTimeout) || secondsOf(waits.list()) != "5 5" {
		t.Errorf("waited %s: %v", secondsOf(waits.list()), err)
	}
}

func TestDeviceCancelled(t *testing.T) {
	p := oidctest.Start(t)
	c, waits := deviceClient(t, p)
	ctx, cancel := newCancel(t)
	waits.then = func(int) { cancel() }
	_, err := c.Device(ctx, DeviceOptions{Person: newPerson()})
	if !errors.Is(err, context.Canceled) || p.Count(oidctest.Token) != 0 {
		t.Errorf("error = %v", err)
	}
}

func TestSleep(t *testing.T) {
	if err := sleep(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func alternate(odd, even oidctest.Fault) oidctest.Fault {
	n := 0 // polls come one after the other
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		if n++; n%2 == 1 {
			odd(w, r, serve)
			return
		}
		even(w, r, serve)
	}
}
