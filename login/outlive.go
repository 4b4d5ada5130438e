package login

import (
	"context"
	"time"
)

// spending is how much longer than its caller the request may live that spends
// a refresh token. When it is cut off, the provider may have rotated the token
// already: the answer is lost, and the session with it at a provider that
// detects reuse (RFC 9700, section 4.14.2).
const spending = 3 * time.Second

// outlive returns a context that ends grace after ctx does.
func outlive(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}
