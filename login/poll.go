package login

// Polling for a device login (RFC 8628, section 3.5). Asking again is the
// protocol here, so a provider that stumbles is asked again, more slowly; only
// its clear word ends the wait.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

const (
	slowerBy = 5 * time.Second
	// maxPause bounds the pause between polls whatever the provider says.
	maxPause = 5 * time.Minute
)

// poll asks until the person has answered, or until end. The first question
// waits for one interval too.
func (c *Client) poll(ctx context.Context, d device, verifier secret.Text, end time.Time) (tokenAnswer, error) {
	interval := d.interval
	for pause := interval; c.cfg.Now().Add(pause).Before(end); {
		if err := c.wait(ctx, pause); err != nil {
			return tokenAnswer{}, answerError(err)
		}
		got, err := c.requestToken(ctx, deviceForm(d, verifier))
		var network *NetworkError
		switch {
		case err == nil:
			return got, nil
		case errors.As(err, &network):
			c.cfg.Log.Info("a poll failed", "error", err)
			pause = min(2*pause, max(interval, maxInterval))
			continue
		}
		switch oauthCode(err) {
		case "authorization_pending":
		case "slow_down":
			interval = min(max(interval+slowerBy, got.Interval.duration()), maxPause)
		case "access_denied":
			return tokenAnswer{}, fmt.Errorf("%w: %w", ErrDenied, err)
		case "expired_token":
			return tokenAnswer{}, fmt.Errorf("%w: the code has expired: %w", ErrTimeout, err)
		default:
			return tokenAnswer{}, err
		}
		pause = interval
	}
	return tokenAnswer{}, fmt.Errorf("%w: the code has expired", ErrTimeout)
}

func deviceForm(d device, verifier secret.Text) url.Values {
	form := url.Values{}
	form.Set("grant_type", grantDevice)
	form.Set("device_code", d.code.Reveal())
	if !verifier.Empty() {
		form.Set("code_verifier", verifier.Reveal())
	}
	return form
}
