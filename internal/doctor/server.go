package doctor

// The credential in the cache, and whom the API server takes it for.

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/selfreview"
	"github.com/kubecred/kubecred/internal/signin"
)

// serverShare is for one request, after the credential was read.
const serverShare = keyringShare + 4*time.Second

// Server is where the credential goes.
type Server struct {
	// Load reads what the cache holds for the entry, and changes nothing for
	// it. Errors are those of cache.Store.Load; nil is an entry that is not
	// known.
	Load func(context.Context) (cache.Record, error)
	// Imported: nothing but another import brings a new credential.
	Imported bool
	Login    string // the command that signs in
	Now      func() time.Time
	Hint     func(error) string // what to do about an error

	// Ask shows the credential to the API server at Host, as kubectl would; nil
	// where kubectl would show it to none.
	Ask  func(context.Context, selfreview.Credential) (selfreview.User, error)
	Host string

	once  sync.Once
	grant signin.Grant
	err   error
	done  chan struct{}
}

// Checks are those of the groups "credential" and "API server".
func (s *Server) Checks() []Check {
	return []Check{
		{"credential", "cached", keyringShare, s.credential},
		{"API server", "identity", serverShare, s.view},
	}
}

var errNoEntry = errors.New("no entry is known")

// load reads the entry once for both checks.
func (s *Server) load(ctx context.Context) (signin.Grant, error) {
	if s.Load == nil {
		return signin.Grant{}, errNoEntry
	}
	s.once.Do(func() {
		s.done = make(chan struct{})
		go func() {
			defer close(s.done)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyringShare)
			defer cancel()
			var record cache.Record
			if record, s.err = s.Load(ctx); s.err == nil {
				s.grant, s.err = signin.Read(record)
			}
		}()
	})
	select {
	case <-s.done:
		return s.grant, s.err
	case <-ctx.Done():
		return signin.Grant{}, ctx.Err()
	}
}

const (
	// endsSoon is how long before its end a credential is spoken of that
	// nothing renews.
	endsSoon = 7 * 24 * time.Hour
	// shortLived is what a person signs in for often enough.
	shortLived = 48 * time.Hour
)

func (s *Server) credential(ctx context.Context) Finding {
	grant, err := s.load(ctx)
	again := s.Login
	if s.Imported {
		again = "get a new one from where it came, and take it in with kubecred import"
	}
	switch {
	case errors.Is(err, errNoEntry):
		return skipped("no entry is known")
	case err == cache.ErrMiss && s.Imported:
		return failed("the imported credential is not in the cache", again)
	case err == cache.ErrMiss:
		return Finding{Note, "there is none yet", again}
	case errors.Is(err, cache.ErrMiss):
		return Finding{Warning, err.Error(), again}
	case isKeyrings(err):
		return skipped("the keyring does not give its key")
	case err != nil:
		return failed(err.Error(), "update kubecred, or kubecred logout and sign in anew")
	}
	return s.lasts(grant, again)
}

func isKeyrings(err error) bool {
	var locked *cache.LockedError
	var unavailable *cache.UnavailableError
	return errors.As(err, &locked) || errors.As(err, &unavailable) || errors.Is(err, context.DeadlineExceeded)
}

// lasts goes by the credential's end alone, whatever it is.
func (s *Server) lasts(grant signin.Grant, again string) Finding {
	ends, renews := grant.Credential.Expiry, len(grant.Session) > 0
	left, text := ends.Sub(s.Now()), ends.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case ends.IsZero():
		return ok("it is there, and has no end")
	case renews && left <= 0:
		return ok("it ended at %s, and renews itself at the next call", text)
	case renews:
		return ok("it lives until %s, and renews itself", text)
	case left <= 0 && s.Imported:
		return failed("it ended at "+text+", and nothing renews it", again)
	case left <= 0:
		return warning("it ended at "+text+", and nothing renews it", again)
	case left < endsSoon && (s.Imported || grant.Credential.Issued.IsZero() || ends.Sub(grant.Credential.Issued) > shortLived):
		return warning(fmt.Sprintf("it ends in %s, and nothing renews it", days(left)), again)
	case s.Imported || left >= endsSoon:
		return ok("it lives until %s", text)
	}
	return Finding{Note, "it lives until " + text + ", and nothing renews it: you will be asked again", "ask for a session that renews itself (--oidc-extra-scope=offline_access), where the provider gives one"}
}

func (s *Server) view(ctx context.Context) Finding {
	if s.Ask == nil {
		return skipped("no cluster is known")
	}
	grant, err := s.load(ctx)
	held := grant.Credential
	switch {
	case err != nil:
		return skipped("there is no credential to ask with")
	case held.Token.Empty() && held.ClientCertificate == "" || !held.Expiry.IsZero() && !held.Expiry.After(s.Now()):
		return skipped("the credential has ended")
	}
	began := time.Now()
	user, err := s.Ask(ctx, selfreview.Credential{Token: held.Token, ClientCertificate: held.ClientCertificate, ClientKey: held.ClientKey})
	if err != nil {
		return s.refusal(ctx, err, round(time.Since(began)))
	}
	groups := len(user.Groups)
	if user.Name == "system:anonymous" {
		return failed("the API server takes you for nobody (system:anonymous): it does not read this kind of credential", "ask the cluster's administrator which issuer and client it trusts")
	}
	return ok("you are %s there, in %s (%s)", user.Name, counted(groups, "group"), round(time.Since(began)))
}

func (s *Server) refusal(ctx context.Context, err error, took time.Duration) Finding {
	var refused *selfreview.RefusedError
	var server *selfreview.ServerError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return failed(fmt.Sprintf("%s does not take the credential (401)", s.Host), "kubecred whoami --server says what it may have looked at; kubecred login signs in anew")
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		return note("%s takes the credential, and does not let its owner ask whom for (403)", s.Host)
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return note("%s takes the credential, and is older than Kubernetes 1.28, which tells whom for", s.Host)
	case errors.As(err, &server) && server.Untrusted:
		return failed(err.Error(), "correct certificate-authority-data in the kubeconfig's cluster")
	case ctx.Err() != nil:
		return failed(fmt.Sprintf("%s did not answer within %s", s.Host, took), "check the connection (a VPN?) and the cluster's address")
	case errors.Is(err, selfreview.ErrNotSent):
		return failed(err.Error(), "let the API server ask for client certificates (--client-ca-file), or sign in for a token")
	}
	return failed(err.Error(), s.Hint(err))
}
