package login

// Device login (RFC 8628): the person signs in on any device while this
// program polls. The code is shown with where it belongs and with a warning,
// since whoever makes a person type a foreign code is signed in as them
// (section 5.4). No address is opened by itself.

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/term"
)

const (
	deviceName = "device authorization endpoint"

	defaultInterval = 5 * time.Second // RFC 8628, section 3.2
	maxInterval     = time.Minute
	defaultLife     = 5 * time.Minute
	maxLife         = 30 * time.Minute
	maxUserCode     = 40 // runes
)

// DeviceOptions says how to reach the person.
type DeviceOptions struct {
	Person Person // MUST be set
	// Timeout bounds the wait for the person below what the provider allows,
	// which is at most 30 minutes; 0 leaves it at that.
	Timeout time.Duration
}

// deviceAnswer is section 3.2's. verification_url is Google's.
type deviceAnswer struct {
	DeviceCode      string  `json:"device_code"`
	UserCode        string  `json:"user_code"`
	VerificationURI string  `json:"verification_uri"`
	VerificationURL string  `json:"verification_url"`
	Complete        string  `json:"verification_uri_complete"`
	ExpiresIn       seconds `json:"expires_in"`
	Interval        seconds `json:"interval"`

	Error       loose `json:"error"`
	Description loose `json:"error_description"`
}

// device is a deviceAnswer that was checked.
type device struct {
	code     secret.Text
	userCode string
	page     *url.URL
	picture  string // the address for a QR code
	life     time.Duration
	interval time.Duration
}

// Device signs a person in on another device. Errors, besides those of
// Password: *UnsupportedError; ErrDenied; ErrTimeout, also when the code has
// expired at the provider; context.Canceled.
func (c *Client) Device(ctx context.Context, o DeviceOptions) (Tokens, error) {
	if c.meta.DeviceAuthorization == "" {
		return Tokens{}, &UnsupportedError{"device login"}
	}
	if err := c.ready(ctx); err != nil {
		return Tokens{}, err
	}
	verifier := c.newVerifier()
	d, err := c.requestDevice(ctx, verifier)
	if err != nil {
		return Tokens{}, err
	}
	if o.Timeout > 0 {
		d.life = min(d.life, o.Timeout)
	}
	end := c.cfg.Now().Add(d.life)
	o.Person.Show(d.text(o.Person.Width()))
	stop := o.Person.Await("the sign-in on your device", end)
	got, err := c.poll(ctx, d, verifier, end)
	stop()
	if err != nil {
		return Tokens{}, err
	}
	return c.tokens(ctx, grantDevice, got, expectation{fresh: true})
}

func (c *Client) requestDevice(ctx context.Context, verifier secret.Text) (device, error) {
	form := url.Values{}
	c.addExtra(form)
	form.Del("response_mode")
	form.Set("scope", c.scope)
	challenge(form, verifier) // Keycloak can require it here
	a, err := c.post(ctx, endpoint{deviceName, c.meta.DeviceAuthorization}, form)
	if err != nil {
		return device{}, err
	}
	return parseDevice(a, c.issuer, c.sent(form))
}

// parseDevice checks what the person will see and what the polling will use.
// sent are the secrets of the request.
func parseDevice(a answer, issuer *url.URL, sent []string) (device, error) {
	var got deviceAnswer
	err := a.decode(&got)
	switch {
	case err == nil && got.Error != "" && (!a.ok() || got.DeviceCode == ""):
		return device{}, newOAuthError(a.endpoint, got.Error, got.Description, sent)
	case !a.ok():
		return device{}, &ProviderError{deviceName, "it answered " + status(a.status) + " without an OAuth error", nil}
	case err != nil:
		return device{}, err
	case got.DeviceCode == "":
		return device{}, &ProviderError{deviceName, "its answer holds no device code", nil}
	}
	d := device{
		code:     secret.New(got.DeviceCode),
		userCode: term.Clean(got.UserCode, maxUserCode),
		life:     bound(got.ExpiresIn.duration(), defaultLife, maxLife),
		interval: bound(got.Interval.duration(), defaultInterval, maxInterval),
	}
	if d.userCode == "" || d.userCode != got.UserCode {
		return device{}, &ProviderError{deviceName, "its code for the person cannot be shown", nil}
	}
	return d, d.readPages(got, issuer)
}

// bound is d, or otherwise where nothing was said, and at most limit.
func bound(d, otherwise, limit time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return min(d, limit)
}

// readPages takes the complete address for the picture only when it leads to
// the same place as the one that is shown.
func (d *device) readPages(got deviceAnswer, issuer *url.URL) (err error) {
	raw := got.VerificationURI
	if raw == "" {
		raw = got.VerificationURL
	}
	if d.page, err = parseEndpoint(issuer, raw); err != nil {
		return &ProviderError{deviceName, "the address for the person: " + err.Error(), nil}
	}
	d.picture = d.page.String()
	if complete, err := parseEndpoint(issuer, got.Complete); err == nil && complete.Scheme == d.page.Scheme && complete.Host == d.page.Host {
		d.picture = complete.String()
	}
	return nil
}

// text is what the person is shown, on a terminal that has width columns for a
// picture.
func (d device) text(width int) string {
	var text strings.Builder
	fmt.Fprintf(&text, "To sign in, open this page on any device:\n\n    %s\n\nIt is at %s. Enter this code there:\n\n    %s\n\n", d.page, d.page.Host, d.userCode)
	text.WriteString("Go on only if you started this sign-in yourself. Do not enter a code that someone sent you.\n")
	if picture := qrCode(d.picture, width); picture != "" {
		text.WriteString("\n" + picture)
	}
	return text.String()
}
