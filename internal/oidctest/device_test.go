package oidctest

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"
)

func deviceForm(pairs ...string) url.Values {
	return values(url.Values{"client_id": {ClientID}, "scope": {"openid"}}, pairs...)
}

func pollForm(a answered) url.Values {
	return url.Values{"grant_type": {GrantDevice}, "client_id": {ClientID}, "device_code": {a.text("device_code")}}
}

func TestDevice(t *testing.T) {
	p := Start(t)
	begun := post(t, p, pathDevice, deviceForm())
	if begun.status != http.StatusOK || begun.body["interval"] != 5.0 || begun.body["expires_in"] != 600.0 {
		t.Fatalf("%d %v", begun.status, begun.body)
	}
	userCode := begun.text("user_code")
	if got := p.UserCodes(); len(got) != 1 || got[0] != userCode {
		t.Errorf("waiting: %v", got)
	}
	wantRefusal(t, post(t, p, pathToken, pollForm(begun)), 400, "authorization_pending")
	if err := p.ApproveDevice(userCode, "bob"); err != nil {
		t.Fatal(err)
	}
	got := post(t, p, pathToken, pollForm(begun))
	if got.status != http.StatusOK || claimsIn(t, got.text("id_token"))["sub"] != "user-2" {
		t.Fatalf("%d %v", got.status, got.body)
	}
	wantRefusal(t, post(t, p, pathToken, pollForm(begun)), 400, "invalid_grant")
	if p.CountGrant(GrantDevice) != 3 || p.Count(Device) != 1 || len(p.UserCodes()) != 0 {
		t.Error("the journal miscounts")
	}
	if err := p.ApproveDevice(userCode, "bob"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("approved twice: %v", err)
	}
}

func TestDeviceEnds(t *testing.T) {
	p := Start(t, WithClient(Client{ID: "another"}))
	denied, expired := post(t, p, pathDevice, deviceForm()), post(t, p, pathDevice, deviceForm())
	if err := errors.Join(p.DenyDevice(denied.text("user_code")), p.ExpireDevice(expired.text("user_code"))); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, post(t, p, pathToken, pollForm(denied)), 400, "access_denied")
	wantRefusal(t, post(t, p, pathToken, pollForm(expired)), 400, "expired_token")
	wantRefusal(t, post(t, p, pathToken, values(pollForm(denied), "client_id", "another")), 400, "invalid_grant")
	wantRefusal(t, post(t, p, pathToken, values(pollForm(denied), "device_code", "guessed")), 400, "invalid_grant")
}

func TestDeviceRefusals(t *testing.T) {
	p := Start(t)
	wantRefusal(t, post(t, p, pathDevice, deviceForm("scope", "admin")), 400, "invalid_scope")
	wantRefusal(t, post(t, p, pathDevice, deviceForm("client_id", "unknown")), 401, "invalid_client")
	wantRefusal(t, post(t, p, pathDevice, deviceForm("code_challenge", challenge)), 400, "invalid_request")
	p.Apply(Confidential(AuthPost, "secret"))
	wantRefusal(t, post(t, p, pathDevice, deviceForm()), 401, "invalid_client")
	p.Apply(Confidential(AuthNone, ""), Grants(GrantCode))
	wantRefusal(t, post(t, p, pathDevice, deviceForm()), 400, "unauthorized_client")
}

func TestDevicePKCE(t *testing.T) {
	p := Start(t, func(c *Config) { c.DevicePKCE = true }, DeviceApprovedAfter(1))
	wantRefusal(t, post(t, p, pathDevice, deviceForm()), 400, "invalid_request")
	begin := func() answered {
		return post(t, p, pathDevice, deviceForm("code_challenge", challenge, "code_challenge_method", "S256"))
	}
	wantRefusal(t, post(t, p, pathToken, pollForm(begin())), 400, "invalid_grant")
	if a := post(t, p, pathToken, values(pollForm(begin()), "code_verifier", verifier)); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestDeviceIntervalIsPoliced(t *testing.T) {
	clock := newClock()
	p := Start(t, Clock(clock.Now), DeviceApprovedAfter(5), func(c *Config) { c.PoliceInterval = true })
	begun := post(t, p, pathDevice, deviceForm())
	for i, step := range []struct {
		wait time.Duration
		want string
	}{
		{0, "authorization_pending"},
		{4 * time.Second, "slow_down"}, // the interval is 10 s now
		{9 * time.Second, "slow_down"}, // and 15 s
		{15 * time.Second, "authorization_pending"},
		{15 * time.Second, ""},
	} {
		clock.advance(step.wait)
		if a := post(t, p, pathToken, pollForm(begun)); a.text("error") != step.want {
			t.Errorf("poll %d: %d %v, want %q", i+1, a.status, a.body, step.want)
		}
	}
}

func TestDevicePage(t *testing.T) {
	p := Start(t)
	begun := post(t, p, pathDevice, deviceForm())
	page, err := Browser{Username: "bob"}.Open(t.Context(), begun.text("verification_uri_complete"))
	if err != nil || page.Status != http.StatusOK {
		t.Fatalf("%+v, %v", page, err)
	}
	if a := post(t, p, pathToken, pollForm(begun)); a.status != http.StatusOK {
		t.Errorf("%d %v", a.status, a.body)
	}
	begun = post(t, p, pathDevice, deviceForm())
	if _, err := (Browser{Deny: true}).Open(t.Context(), begun.text("verification_uri_complete")); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, post(t, p, pathToken, pollForm(begun)), 400, "access_denied")
}
