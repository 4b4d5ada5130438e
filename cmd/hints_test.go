package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/execcred"
	"github.com/kubecred/kubecred/internal/cli"
	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/lifetime"
	"github.com/kubecred/kubecred/internal/oidctest"
	"github.com/kubecred/kubecred/internal/settings"
	"github.com/kubecred/kubecred/login"
	"github.com/kubecred/kubecred/login/loopback"
)

// Every typed error of the packages below has a hint and an exit code of its
// own, however deep it is wrapped.
func TestExplain(t *testing.T) {
	expired := func() error { // what http.Client returns when a deadline ends a request
		return &url.Error{Op: "Get", URL: "https://issuer.example", Err: context.DeadlineExceeded}
	}
	for _, test := range []struct {
		err  error
		code int
		hint string
	}{
		{context.Canceled, exitInterrupted, "run the command again"},
		{lifetime.ErrInterrupted, exitInterrupted, "run the command again"},
		{lifetime.ErrParentDied, exitInterrupted, "run the command again"},

		{errNeedPerson, exitLoginNeeded, "kubecred login in a terminal"},
		{login.ErrTimeout, exitTimeout, "--authentication-timeout-sec"},
		{context.DeadlineExceeded, exitTimeout, "--authentication-timeout-sec"},
		{errNoConsent, exitDenied, "--grant-type"},

		{&settings.Error{Problem: settings.Missing, Setting: "oidc-issuer-url"}, exitConfig, "KUBECRED_"},
		{&settings.Error{Problem: settings.Invalid}, exitConfig, "--explain"},
		{&settings.Error{Problem: settings.Unknown}, exitConfig, "get-token --help"},
		{&settings.Error{Problem: settings.Mixed}, exitConfig, "in one place"},
		{&settings.Error{Problem: settings.Unbound, Source: settings.Source{Name: "KUBECRED_PASSWORD"}, Detail: "nothing says that it is meant for x"}, exitConfig, "as in KUBECRED_PASSWORD='https://"},
		{&settings.Error{Problem: settings.Unbound, Detail: "is not sent where x says whom to trust"}, exitConfig, "profile of your own"},
		{&settings.Error{Problem: settings.Invalid, Setting: "listen-address"}, exitConfig, "127.0.0.1 or localhost"},
		{&kubeconfig.FileError{Path: "x", Reason: "is not a kubeconfig"}, exitConfig, "--kubeconfig"},
		{&kubeconfig.LockError{Path: "x.lock"}, exitConfig, "rm x.lock"},
		{&kubeconfig.LockError{Path: "my config.lock"}, exitConfig, "rm " + cli.Quote("my config.lock", runtime.GOOS)},
		{&kubeconfig.ChangedError{Path: "x"}, exitConfig, "try again"},
		{&kubeconfig.UnwritableError{Path: "x", Err: syscall.ENOSPC}, exitConfig, "as it was"},
		{execcred.ErrExecInfo, exitConfig, "the client sets it"},
		{&loopback.CertificateError{Err: fs.ErrNotExist}, exitConfig, "--local-server-cert"},
		{&login.NetworkError{Endpoint: "token endpoint", Err: context.DeadlineExceeded}, exitNetwork, "check the connection"},
		{&ownError{"the password", fs.ErrNotExist}, exitConfig, "your profile names"},
		{&settings.Error{Problem: settings.Denied}, exitConfig, "administrator"},
		{&settings.Error{Problem: settings.Untrusted}, exitConfig, "only its owner"},
		{&settings.Error{Problem: settings.Unreadable, Err: fs.ErrPermission}, exitConfig, "may read it"},
		{&execcred.VersionError{Asked: "v2"}, exitConfig, "apiVersion"},
		{&kubeconfig.NotFoundError{Kind: "context", Name: "x"}, exitConfig, "kubecred setup"},
		{errNotOurs, exitConfig, "kubecred import"},
		{&login.ConfigError{Setting: "PKCE", Reason: "it is none"}, exitConfig, "correct the setting"},

		{&cache.LockedError{Home: cache.InKeyring, Err: errors.New("x")}, exitCache, "unlock your keyring"},
		{&cache.UnavailableError{Reason: cache.Absent, Err: errors.New("x")}, exitCache, "--token-cache-storage=file"},
		{&cache.UnavailableError{Reason: cache.Refused, Err: errors.New("x")}, exitCache, "--token-cache-storage=file"},
		{fmt.Errorf("%w; %w", &cache.UnavailableError{Reason: cache.Absent, Err: errors.New("x")},
			&cache.UnavailableError{Reason: cache.Refused, Err: errors.New("y")}), exitCache, "--kernel-keyring=on"},
		{&cache.UnavailableError{Reason: cache.Failed, Err: errors.New("x")}, exitCache, "nothing is lost"},
		{&cache.UnavailableError{Reason: cache.TimedOut, Err: errors.New("x")}, exitCache, "waits for you in a window"},
		{&cache.NewerFormatError{Path: "x", Version: 9}, exitCache, "update kubecred"},
		{&cache.UnsafeError{Path: "x", Reason: "is a link"}, exitCache, "chmod 700"},
		{&cache.UnwritableError{Path: "x", Err: syscall.EROFS}, exitCache, "--token-cache-dir"},

		{&login.PortsBusyError{Addresses: []string{"127.0.0.1:1", "127.0.0.1:2"}, Err: syscall.EADDRINUSE}, exitConfig, "127.0.0.1:1 and 127.0.0.1:2"},
		{&login.NotLoopbackError{Address: "0.0.0.0:1"}, exitConfig, "127.0.0.1 or localhost"},
		{&login.WrongAccountError{Want: "a", Got: "b"}, exitDenied, "--switch lets you choose a"},
		{&login.IssuerMismatchError{Want: "a", Got: "b"}, exitConfig, "--oidc-issuer-url"},
		{login.ErrNoIDToken, exitDenied, "--oidc-use-access-token"},
		{&login.NoIDTokenError{Grant: "refresh_token"}, exitDenied, "--oidc-use-access-token"},
		{&login.UnsupportedError{What: "device login"}, exitConfig, "--grant-type"},
		{login.ErrDenied, exitDenied, "ask the provider's administrator"},
		{&login.OAuthError{Endpoint: "x", Code: "invalid_client"}, exitDenied, "--oidc-client-id"},
		{&login.OAuthError{Endpoint: "x", Code: "server_error"}, exitDenied, "registration"},
		{&login.VerifyError{Claim: "exp"}, exitDenied, "clock"},
		{&login.ProviderError{Endpoint: "x"}, exitDenied, "clock"},

		{&login.NetworkError{Endpoint: "x", Host: "h", Status: 503}, exitNetwork, "HTTPS_PROXY"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, exitNetwork, "HTTPS_PROXY"},
		{&net.DNSError{Err: "no such host", Name: "h"}, exitNetwork, "HTTPS_PROXY"},
		{expired(), exitNetwork, "HTTPS_PROXY"},
		{execcred.ErrExpired, exitDenied, "clock"},

		{errors.New("anything"), exitOther, "KUBECRED_LOG"},
	} {
		for _, err := range []error{test.err, fmt.Errorf("the outside: %w", test.err), errors.Join(errors.New("first"), test.err)} {
			got := explain(err)
			if got.Code != test.code || !strings.Contains(got.Hint, test.hint) {
				t.Errorf("%T %v: code %d, hint %q, want %d and %q", test.err, err, got.Code, got.Hint, test.code, test.hint)
			}
		}
	}
}

// A file's trouble is none of the network's, though syscall.Errno looks like a
// net.Error.
func TestFilesAreNoNetwork(t *testing.T) {
	_, missing := os.Open("no-such-file")
	for _, err := range []error{missing, &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, syscall.ENOSPC} {
		if httpclient.IsNetwork(err) || explain(err).Code == exitNetwork {
			t.Errorf("%v counts as the network's", err)
		}
	}
}

// The more telling error answers where there are two.
func TestExplainOrder(t *testing.T) {
	for _, test := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("%w: %w", login.ErrDenied, &login.OAuthError{Code: "access_denied"}), exitDenied},
		{fmt.Errorf("%w: %w", login.ErrTimeout, &login.OAuthError{Code: "expired_token"}), exitTimeout},
		{fmt.Errorf("%w: %w", login.ErrSessionEnded, &login.OAuthError{Code: "invalid_grant"}), exitDenied},
		{fmt.Errorf("%w: %w", errNeedPerson, context.Canceled), exitInterrupted},
		{errors.Join(context.DeadlineExceeded, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}), exitNetwork},
	} {
		if got := explain(test.err); got.Code != test.code {
			t.Errorf("%v: code %d, want %d", test.err, got.Code, test.code)
		}
	}
}

// Whatever an error holds, the person sees two lines, clean and bounded.
func TestReport(t *testing.T) {
	hostile := "a" + oidctest.ControlText + "\nhint: run rm -rf /\r\nerror: forged"
	for _, err := range []error{
		errors.New(hostile),
		errors.Join(errors.New("one"), errors.New("two")),
		cli.Fail(errors.New(hostile), hostile, 9),
		fmt.Errorf("wrapped: %w", cli.Fail(errors.New("inner"), "do this", 9)),
		errors.New(strings.Repeat("long ", 10_000)),
		&settings.Error{Problem: settings.Invalid, Detail: hostile},
	} {
		var out bytes.Buffer
		code := cli.Report(&out, err, 1, explain)
		if !twoLines(out.String()) {
			t.Errorf("%q", out.String())
		}
		if problem, _, _ := strings.Cut(out.String(), "\n"); len(problem) > 5*cli.MaxLine {
			t.Errorf("an error line of %d bytes", len(problem))
		}
		var f *cli.Failure
		if errors.As(err, &f) && code != f.Code {
			t.Errorf("code %d, want %d", code, f.Code)
		}
	}
	var out bytes.Buffer
	cli.Report(&out, fmt.Errorf("wrapped: %w", cli.Fail(errors.New("inner"), "do this", 9)), 1, explain)
	if out.String() != "error: wrapped: inner\nhint: do this\n" {
		t.Errorf("%q", out.String())
	}
}

func TestInterrupted(t *testing.T) {
	for _, test := range []struct {
		cause error
		want  bool
	}{
		{lifetime.ErrInterrupted, true},
		{lifetime.ErrParentDied, true},
		{context.Canceled, true},
		{context.DeadlineExceeded, false},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(test.cause)
		if got := interrupted(ctx); got != test.want {
			t.Errorf("%v: %v", test.cause, got)
		}
	}
	if interrupted(t.Context()) {
		t.Error("a living context counts as interrupted")
	}
}
