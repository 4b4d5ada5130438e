package e2e

// What happens to a session after the login: it is renewed, shared, ended.

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	clientauth "k8s.io/client-go/pkg/apis/clientauthentication/v1"

	"github.com/kubecred/kubecred/e2e/internal/desk"
	"github.com/kubecred/kubecred/e2e/internal/parts"
)

// credentialOf is the token that get-token printed.
func credentialOf(p *person, r desk.Result) clientauth.ExecCredentialStatus {
	p.t.Helper()
	status := printed(p, r)
	if status.Token == "" {
		p.t.Fatal("get-token printed no token")
	}
	return status
}

// certificateOf is the certificate that get-token printed, with its key.
func certificateOf(p *person, r desk.Result) clientauth.ExecCredentialStatus {
	p.t.Helper()
	status := printed(p, r)
	if status.ClientCertificateData == "" || status.ClientKeyData == "" || status.Token != "" {
		p.t.Fatal("get-token printed no certificate with its key, or a token too")
	}
	return status
}

// printed decodes what get-token printed, with client-go's own type.
func printed(p *person, r desk.Result) clientauth.ExecCredentialStatus {
	p.t.Helper()
	if r.Code != 0 {
		p.t.Fatalf("get-token exited with %d: %s", r.Code, r.Stderr)
	}
	var c clientauth.ExecCredential
	p.must(json.Unmarshal([]byte(r.Stdout), &c))
	if c.Status == nil {
		p.t.Fatal("get-token printed no status")
	}
	return *c.Status
}

// many is how many processes start at once.
const many = 50

// Many programs start at once, with nothing cached: one browser opens, and all are served by it.
// The race detector watches the program itself.
func TestManyAtOnceSignInOnce(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider)
	p := newPerson(t, kubecredRace(t))
	flags := browserFlags(p)
	var running []*desk.Running
	for range many {
		running = append(running, p.start(desk.Null, p.program, append([]string{"get-token"}, flags...)...))
	}
	address := p.opens(running[0])
	p.visit(address)
	tokens := map[string]int{}
	for _, r := range running {
		tokens[credentialOf(p, p.finish(r)).Token]++
	}
	if len(tokens) != 1 {
		t.Errorf("%d different tokens were handed out, want 1", len(tokens))
	}
	if again, err := p.Opened(50 * time.Millisecond); err == nil {
		t.Errorf("a second browser was opened: %s", again)
	}
	p.asked("authorization_code", 1)
}

// The provider rotates refresh tokens, and ends the session of one that is sent twice:
// after many processes at the moment of renewal it must still be alive.
func TestManyAtOnceRenewOnce(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecredRace(t))
	flags := append(deviceFlags(p), "--oidc-client-id="+shortClient)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	first := credentialOf(p, p.finish(r))
	<-time.After(time.Until(first.ExpirationTimestamp.Time)) // nothing else tells that it has passed

	var wait sync.WaitGroup
	for range many {
		wait.Go(func() { p.getToken(desk.Null, flags...) })
	}
	wait.Wait()
	p.asked("refresh_token", 1)
	if renewed := credentialOf(p, p.getToken(desk.Null, append(flags, "--force-refresh")...)); renewed.Token == first.Token {
		t.Error("the first token was served after its end")
	}
	p.asked("refresh_token", 2)
	for _, one := range p.requests("refresh_token") {
		if one.Status != http.StatusOK {
			t.Errorf("a refresh was refused: %+v", one)
		}
	}
}

// An administrator ends the session: whoever can be asked signs in anew, and nobody else is bothered.
func TestEndedSessionNeedsALogin(t *testing.T) {
	t.Parallel()
	parts.Need(t, parts.Provider, parts.Terminal)
	p := newPerson(t, kubecred(t))
	flags := deviceFlags(p)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))

	p.must(theProvider(t).Revoke(context.Background(), p.account))
	refused := p.getToken(desk.Null, append(flags, "--force-refresh")...)
	if refused.Code != 3 || refused.Stdout != "" || !strings.Contains(refused.Stderr, "hint:") {
		t.Errorf("with nobody to ask, get-token exited with %d, printed %q and said %q",
			refused.Code, refused.Stdout, refused.Stderr)
	}
	r = p.start(desk.Terminal, p.program, append([]string{"get-token", "--force-refresh"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))
}

// New signing keys at the provider are fetched when they are first met.
func TestProviderRotatesItsKeys(t *testing.T) {
	parts.Need(t, parts.Provider, parts.Terminal) // not in parallel: the keys are everybody's
	p := newPerson(t, kubecred(t))
	flags := deviceFlags(p)
	r := p.start(desk.Terminal, p.program, append([]string{"get-token"}, flags...)...)
	approveDevice(p, r)
	credentialOf(p, p.finish(r))
	p.must(theProvider(t).RotateKeys(context.Background()))
	credentialOf(p, p.getToken(desk.Null, append(flags, "--force-refresh")...))
	p.asked("refresh_token", 1)
}
