package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/internal/signin"
	"github.com/kubecred/kubecred/ldapexchange"
	"github.com/kubecred/kubecred/login"
)

// What a person can do about each kind of error. The order matters where an
// error is of two kinds: the first that fits answers.

// explain finds the hint and the exit code for err.
func explain(err error) *cli.Failure {
	for _, of := range []func(error) (string, int){
		ofPause, ofImported, ofInterrupt, ofServer, ofStay, ofPerson, ofSettings, ofCache, ofPassword, ofProvider, ofExchange, ofNetwork, ofRest,
	} {
		if hint, code := of(err); code != 0 {
			return cli.Fail(err, hint, code)
		}
	}
	return cli.Fail(err, "KUBECRED_LOG=FILE.log writes a log without secrets that tells more", exitOther)
}

func ofPause(err error) (string, int) {
	var paused *signin.PausedError
	switch {
	case !errors.As(err, &paused):
		return "", 0
	case paused.Kind == signin.ErrOffline:
		return tryAgain(paused.Left) + "; check the connection, the proxy (HTTPS_PROXY, NO_PROXY) and the issuer's name", exitNetwork
	}
	return loginHint, exitLoginNeeded
}

// loginHint is for where the entry is not known; loginFailure names it.
const loginHint = "run kubecred login in a terminal, then try again"

// tryAgain says when: nothing tries by itself.
func tryAgain(left time.Duration) string {
	if left < time.Second {
		return "try again"
	}
	return "try again in " + span(left)
}

func ofInterrupt(err error) (string, int) {
	if errors.Is(err, context.Canceled) || errors.Is(err, lifetime.ErrInterrupted) || errors.Is(err, lifetime.ErrParentDied) {
		return "run the command again to sign in", exitInterrupted
	}
	return "", 0
}

func ofPerson(err error) (string, int) {
	var none *noWayError
	switch {
	case errors.Is(err, errNeedPerson):
		return loginHint, exitLoginNeeded
	case errors.Is(err, login.ErrTimeout), errors.Is(err, context.DeadlineExceeded) && !isNetwork(err):
		return "sign in with kubecred login; --authentication-timeout-sec gives more time at the browser", exitTimeout
	case errors.As(err, &none):
		return "choose a --grant-type, or ask the administrator of the provider or of this machine's policy", exitConfig
	case errors.Is(err, errNoConsent):
		return "sign in another way (--grant-type), or put the issuer into a profile of your own", exitDenied
	case errors.Is(err, errNotNamed):
		return "give --exchange-url or --oidc-issuer-url to kubecred login itself, or put it into a profile of your own", exitConfig
	}
	return "", 0
}

func ofSettings(err error) (string, int) {
	var (
		setting  *settings.Error
		version  *execcred.VersionError
		notFound *kubeconfig.NotFoundError
		broken   *kubeconfig.FileError
		held     *kubeconfig.LockError
		raced    *kubeconfig.ChangedError
		closed   *kubeconfig.UnwritableError
		wrong    *login.ConfigError
		server   *login.CertificateError
		own      *ownError
	)
	switch {
	case errors.As(err, &setting):
		return settingHint(setting), exitConfig
	case errors.As(err, &version):
		return "set apiVersion in the kubeconfig's exec block to " + string(execcred.V1), exitConfig
	case errors.As(err, &notFound):
		return "name another with --context or --user, or give --oidc-issuer-url and --oidc-client-id; kubecred setup makes a user that signs in", exitConfig
	case errors.Is(err, errNotOurs):
		return "kubecred import --dry-run shows whether what it has can be taken in; kubecred setup makes one that signs in; --context and --user name another", exitConfig
	case errors.As(err, &broken):
		return "mend the file, or name another with --kubeconfig", exitConfig
	case errors.As(err, &held):
		return "if no kubectl config is running, remove the lock: rm " + cli.Quote(held.Path, runtime.GOOS), exitConfig
	case errors.As(err, &raced):
		return "look at the file, then try again", exitConfig
	case errors.As(err, &closed):
		return "make room or give yourself write access to the file and its folder; the file is as it was", exitConfig
	case errors.Is(err, execcred.ErrExecInfo):
		return "the client sets it: update the client, or unset it where you run kubecred yourself", exitConfig
	case errors.As(err, &server):
		return "check --local-server-cert and --local-server-key", exitConfig
	case errors.As(err, &own):
		return "check the file or the command that your profile names", exitConfig
	case errors.As(err, &wrong):
		return "correct the setting; kubecred status --explain shows where it comes from", exitConfig
	}
	return "", 0
}

func settingHint(e *settings.Error) string {
	switch e.Problem {
	case settings.Missing:
		return "give it as a flag, as a KUBECRED_ variable or in a profile; see kubecred get-token --help"
	case settings.Unknown:
		return "kubecred get-token --help lists the flags of an exec block, and each command's --help its own"
	case settings.Mixed:
		return "give the issuer, its client, secret, CA and TLS options in one place"
	case settings.Unbound:
		return unboundHint(e)
	case settings.Denied:
		return "ask your administrator, who wrote the policy"
	case settings.Untrusted:
		return "let only its owner (root for the policy) write to the file"
	case settings.Unreadable:
		return "check that the file is there and that you may read it"
	}
	if e.Setting == "listen-address" {
		return listenHint
	}
	return "kubecred status --explain shows where each setting comes from"
}

const listenHint = "listen on 127.0.0.1 or localhost: another machine must not answer for your browser"

func unboundHint(e *settings.Error) string {
	if strings.HasPrefix(e.Detail, "is not sent where") {
		return "put the certificate authority and the issuer into a profile of your own"
	}
	return fmt.Sprintf("put the issuer in front of the secret, as in %s='https://issuer.example.com SECRET', or use a profile", e.Source.Name)
}

func ofCache(err error) (string, int) {
	var (
		locked     *cache.LockedError
		absent     *cache.UnavailableError
		newer      *cache.NewerFormatError
		unsafe     *cache.UnsafeError
		unwritable *cache.UnwritableError
	)
	switch {
	case errors.Is(err, signin.ErrNotKept), errors.Is(err, cache.ErrTooBig):
		return "choose another --token-cache-storage, or let kubectl sign in each time", exitCache
	case errors.As(err, &locked):
		return "unlock your keyring (sign in to your desktop, or open its password manager), then try again; nothing is lost", exitCache
	case errors.As(err, &absent):
		return absentHint(err, absent.Reason), exitCache
	case errors.As(err, &newer):
		return "update kubecred", exitCache
	case errors.As(err, &unsafe):
		return "make it yours alone (chmod 700 for folders, 600 for files), or choose another folder with --token-cache-dir", exitCache
	case errors.As(err, &unwritable):
		return "make room or give yourself write access, or choose another folder with --token-cache-dir", exitCache
	}
	return "", 0
}

func absentHint(err error, why cache.Reason) string {
	const file = "choose --token-cache-storage=file: a key in a file, which protects no more than the file's mode"
	switch {
	case why == cache.TimedOut:
		return "look whether your keyring waits for you in a window, then try again; nothing is lost"
	case why == cache.Failed:
		return "start your keyring again (sign in to your desktop anew), then try again; nothing is lost"
	case errors.Is(err, &cache.UnavailableError{Reason: cache.Refused}):
		return file + "; or, where nobody else has your user ID, --kernel-keyring=on"
	}
	return "start your keyring, or " + file
}

func ofPassword(err error) (string, int) {
	var (
		stale  *staleError
		wrong  *wrongPasswordError
		outage *outageError
		input  *ldapexchange.InputError
	)
	switch {
	case errors.As(err, &stale), errors.As(err, &wrong) && wrong.kept:
		return "correct the password where it is kept (a file, a command, a variable); kubecred login tries it once more as it is", exitDenied
	case errors.As(err, &wrong):
		return "check what was typed, and try again", exitDenied
	case errors.As(err, &outage):
		return "this says nothing about the password: its directory may be out of reach; try again later, or ask its administrator", exitNetwork
	case errors.As(err, &input):
		return "check --username and the password, or ask for an exchange with the oauth2 profile", exitConfig
	}
	return "", 0
}

func ofExchange(err error) (string, int) {
	var (
		network *ldapexchange.NetworkError
		refused *ldapexchange.RefusedError
		answer  *ldapexchange.AnswerError
	)
	switch {
	case errors.As(err, &network):
		return "check the connection, the proxy (HTTPS_PROXY, NO_PROXY) and the exchange's name, then try again; this says nothing about the password", exitNetwork
	case errors.As(err, &refused):
		return "ask the exchange's administrator; your account, --exchange-cluster and --exchange-profile are what it goes by", exitDenied
	case errors.As(err, &answer):
		return "check --exchange-url, --exchange-profile and this machine's clock; if they are right, the exchange is at fault", exitDenied
	}
	return "", 0
}

func ofProvider(err error) (string, int) {
	var (
		busy      *login.PortsBusyError
		remote    *login.NotLoopbackError
		account   *login.WrongAccountError
		issuer    *login.IssuerMismatchError
		noSupport *login.UnsupportedError
		oauth     *login.OAuthError
		verify    *login.VerifyError
		provider  *login.ProviderError
	)
	switch {
	case errors.As(err, &busy):
		return "end what holds " + strings.Join(busy.Addresses, " and ") + ", or give --listen-address=127.0.0.1:PORT with a port that the provider knows", exitConfig
	case errors.As(err, &remote):
		return listenHint, exitConfig
	case errors.As(err, &account):
		return fmt.Sprintf("kubecred login --switch lets you choose %s", account.Want), exitDenied
	case errors.As(err, &issuer):
		return "set --oidc-issuer-url to exactly what the provider calls itself, if you trust it; the API server compares it to the letter", exitConfig
	case errors.Is(err, login.ErrNoIDToken):
		return "allow ID tokens for this client at the provider (the scope openid), or use --oidc-use-access-token if the cluster takes those", exitDenied
	case errors.As(err, &noSupport):
		return "choose another --grant-type, or let the provider's administrator allow this one for the client", exitConfig
	case errors.Is(err, login.ErrDenied):
		return "try again, or ask the provider's administrator whether you may use this client", exitDenied
	case errors.As(err, &oauth):
		return oauthHint(oauth), exitDenied
	case errors.As(err, &verify), errors.As(err, &provider):
		return "check the issuer's URL, the client and this machine's clock; if they are right, the provider is at fault", exitDenied
	}
	return "", 0
}

func oauthHint(e *login.OAuthError) string {
	switch e.Code {
	case "invalid_client", "unauthorized_client":
		return "check --oidc-client-id, its secret, and which grants the provider allows this client"
	case "invalid_grant":
		return "check what was typed, and try again"
	case "invalid_target": // RFC 8707
		return "ask for an audience that the client may have (--audience)"
	case "interaction_required": // the exchange's word for an account that is locked, and the like
		return "have your account looked at, then try again; the password may be right"
	case "invalid_scope":
		return "ask for scopes that the provider knows (--oidc-extra-scope)"
	}
	return "check the client's registration at the provider"
}

func ofNetwork(err error) (string, int) {
	if isNetwork(err) {
		return "check the connection, the proxy (HTTPS_PROXY, NO_PROXY) and the issuer's name, then try again; you need not sign in anew for this", exitNetwork
	}
	return "", 0
}

// isNetwork reports whether a later try may help. A provider that says nothing
// ends with a deadline too, and is no person who did not answer.
func isNetwork(err error) bool {
	var network *login.NetworkError
	return errors.As(err, &network) || httpclient.IsNetwork(err)
}

func ofRest(err error) (string, int) {
	if errors.Is(err, execcred.ErrExpired) {
		return "check this machine's clock", exitDenied
	}
	return "", 0
}

// loginFailure gives a failure of get-token and login the hint that needs the
// entry: how to sign in to it from a terminal.
func (a *app) loginFailure(err error, s *settings.Settings) error {
	f := explain(err)
	a.log.Info("failed", "code", f.Code, "error", err)
	switch {
	case f.Code != exitLoginNeeded, isImport(err):
	case len(a.args) > 0 && (a.args[0] == "login" || a.args[0] == "setup"):
		f.Hint = "run it in a terminal, or choose another --grant-type"
	default:
		f.Hint = orElse(err) + a.loginLine(s)
	}
	return f
}

// orElse is the other thing to do where something else helps as well.
func orElse(err error) string {
	var paused *signin.PausedError
	switch {
	case !errors.As(err, &paused):
		return ""
	case paused.Attended:
		return "run your command again, or "
	case paused.Left >= time.Second:
		return "wait " + span(paused.Left) + ", or "
	}
	return ""
}
