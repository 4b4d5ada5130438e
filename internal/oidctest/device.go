package oidctest

// The device login, RFC 8628. The person is played by ApproveDevice and
// DenyDevice, by the page, or by DeviceApprovedAfter.

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ErrNoDevice is returned for a user code that is not waiting.
var ErrNoDevice = errors.New("no device waits under this user code")

// device is a login that waits for its person.
type device struct {
	clientID, userCode string
	scope              []string
	challenge          string
	form               url.Values
	expires            time.Time
	interval           time.Duration
	polls              int
	lastPoll           time.Time
	user               *User
	denied, used       bool
}

// device answers a device authorization request.
func (p *Provider) device(c *call) {
	client, e := p.authenticate(c)
	if e != nil {
		c.fail(e)
		return
	}
	d, e := newDevice(c, client)
	if e != nil {
		c.fail(e)
		return
	}
	deviceCode := p.state.addDevice(d)
	verify := p.endpoint(pathVerify)
	c.answer(http.StatusOK, map[string]any{
		"device_code":               deviceCode,
		"user_code":                 d.userCode,
		"verification_uri":          verify,
		"verification_uri_complete": verify + "?user_code=" + d.userCode,
		"expires_in":                int(c.cfg.Lifetimes.Device.Seconds()),
		"interval":                  c.cfg.DeviceInterval,
	})
}

// newDevice checks the request.
func newDevice(c *call, client Client) (*device, *oauthError) {
	if !client.may(GrantDevice) {
		return nil, refuse("unauthorized_client", "the client may not use this grant")
	}
	scope := strings.Fields(c.r.PostForm.Get("scope"))
	if e := knownScope(c.cfg, scope); e != nil {
		return nil, e
	}
	challenge, e := challengeOf(c.r.PostForm, c.cfg.DevicePKCE)
	if e != nil {
		return nil, e
	}
	text := rand.Text()
	return &device{
		clientID:  client.ID,
		userCode:  text[:4] + "-" + text[4:8],
		scope:     scope,
		challenge: challenge,
		form:      c.r.PostForm,
		expires:   c.cfg.Now().Add(c.cfg.Lifetimes.Device),
		interval:  time.Duration(c.cfg.DeviceInterval) * time.Second,
	}, nil
}

// byDevice answers a poll.
func (p *Provider) byDevice(c *call, client Client) (*session, *oauthError) {
	form, now, st := c.r.PostForm, c.cfg.Now(), p.state
	st.mu.Lock()
	defer st.mu.Unlock()
	d, ok := st.devices[form.Get("device_code")]
	if !ok || d.clientID != client.ID || d.used {
		return nil, refuse("invalid_grant", "the device code is unknown to this client")
	}
	soon := !d.lastPoll.IsZero() && now.Sub(d.lastPoll) < d.interval
	d.polls++
	d.lastPoll = now
	if d.user == nil && d.polls == c.cfg.DeviceApprovedAfter {
		if user, ok := c.cfg.whoSignsIn(""); ok {
			d.user = &user
		}
	}
	switch {
	case now.After(d.expires):
		return nil, refuse("expired_token", "the device code has expired")
	case d.denied:
		return nil, refuse("access_denied", "the person said no")
	case soon && c.cfg.PoliceInterval:
		d.interval += 5 * time.Second
		return nil, refuse("slow_down", "the polls come too often")
	case d.user == nil:
		return nil, refuse("authorization_pending", "the person has not answered yet")
	}
	d.used = true
	if e := verifyChallenge(d.challenge, form.Get("code_verifier")); e != nil {
		return nil, e
	}
	s := newSession(client.ID, *d.user, d.scope, d.form, now)
	s.offline = c.cfg.OfflineByParameter
	return st.begin(s), nil
}

// verify is the page behind verification_uri.
func (p *Provider) verify(c *call) {
	userCode := c.r.Form.Get("user_code")
	if c.r.Method != http.MethodPost {
		p.devicePage(c, userCode, "Enter the code that your device shows.")
		return
	}
	err := ErrNoDevice
	switch user, known := c.cfg.user(c.r.PostForm.Get("username")); {
	case c.r.PostForm.Get("decision") == "deny":
		err = p.DenyDevice(userCode)
	case known:
		err = p.decide(userCode, func(d *device) { d.user = &user })
	}
	if err != nil {
		p.devicePage(c, userCode, err.Error())
		return
	}
	page(c.w, http.StatusOK, "<h1 id=\"done\">Done</h1><p>You can close this page.</p>\n")
}

// UserCodes are those that wait for a person.
func (p *Provider) UserCodes() []string {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	var waiting []string
	for _, d := range p.state.devices {
		if d.waits() {
			waiting = append(waiting, d.userCode)
		}
	}
	slices.Sort(waiting)
	return waiting
}

// ApproveDevice says yes, as the user of that name. It returns ErrNoDevice
// when no such code waits or no such user is there.
func (p *Provider) ApproveDevice(userCode, username string) error {
	user, ok := p.config.Load().user(username)
	if !ok {
		return ErrNoDevice
	}
	return p.decide(userCode, func(d *device) { d.user = &user })
}

// DenyDevice says no.
func (p *Provider) DenyDevice(userCode string) error {
	return p.decide(userCode, func(d *device) { d.denied = true })
}

// ExpireDevice lets the code's time run out.
func (p *Provider) ExpireDevice(userCode string) error {
	return p.decide(userCode, func(d *device) { d.expires = time.Time{} })
}

// decide changes the device that waits under a user code.
func (p *Provider) decide(userCode string, change func(*device)) error {
	p.state.mu.Lock()
	defer p.state.mu.Unlock()
	for _, d := range p.state.devices {
		if d.waits() && strings.EqualFold(d.userCode, userCode) {
			change(d)
			return nil
		}
	}
	return ErrNoDevice
}

func (d *device) waits() bool { return d.user == nil && !d.denied && !d.used }

// addDevice stores a device under a new device code.
func (st *state) addDevice(d *device) string {
	st.mu.Lock()
	defer st.mu.Unlock()
	text := rand.Text()
	st.devices[text] = d
	return text
}
