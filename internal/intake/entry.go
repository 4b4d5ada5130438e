package intake

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kubecred/kubecred/internal/kubeconfig"
)

// Entry is what a user of a kubeconfig signs in with. Exactly one of its fields
// is set: a credential as it is, or a provider that gives one.
type Entry struct {
	Credential Credential
	Provider   *Provider
}

// What a user entry is left alone for. A StayError says which.
var (
	errOurs     = errors.New("it signs in with kubecred already")
	errNothing  = errors.New("it holds no credential")
	errPath     = errors.New("it names files (tokenFile, client-certificate, client-key), which clients read again as they change: they stay files")
	errPassword = errors.New("it has a username and a password, which Kubernetes has not taken since 1.19")
	errSeveral  = errors.New("it signs in in several ways at once: leave one of them in the file")
)

// StayError is a user entry that is left as it is. Its text follows that.
type StayError struct{ reason error }

func (e *StayError) Error() string { return e.reason.Error() }

// Unwrap returns the reason: one of this package's errors where the entry cannot
// be taken in.
func (e *StayError) Unwrap() error { return e.reason }

// Idle reports whether there is nothing in plain text that could be moved.
func (e *StayError) Idle() bool { return e.reason == errOurs || e.reason == errNothing }

// Of tells what a user signs in with. Its error is a *StayError.
func Of(u *kubeconfig.UserEntry) (Entry, error) {
	entry, err := of(u)
	if err != nil {
		return Entry{}, &StayError{err}
	}
	return entry, nil
}

func of(u *kubeconfig.UserEntry) (Entry, error) {
	held := !u.Token.Empty() || len(u.ClientCertificateData) > 0 || !u.ClientKeyData.Empty()
	ways := 0
	for _, way := range []bool{held, u.Exec != nil, u.AuthProvider != nil, u.Username != "" || !u.Password.Empty()} {
		if way {
			ways++
		}
	}
	switch {
	case u.TokenFile != "" || u.ClientCertificate != "" || u.ClientKey != "":
		return Entry{}, errPath
	case ways == 0:
		return Entry{}, errNothing
	case ways > 1:
		return Entry{}, errSeveral
	case u.Exec != nil:
		return ofExec(u.Exec)
	case u.AuthProvider != nil:
		return ofAuthProvider(u.AuthProvider)
	case !held:
		return Entry{}, errPassword
	}
	token, err := Token(u.Token.Reveal())
	if err != nil {
		return Entry{}, err
	}
	certificate, err := Certificate(u.ClientCertificateData, []byte(u.ClientKeyData.Reveal()))
	return Entry{Credential: token.with(certificate)}, err
}

func ofExec(block *kubeconfig.Exec) (Entry, error) {
	switch {
	case base(block.Command) == "kubecred":
		return Entry{}, errOurs
	case !isKubelogin(block.Command, block.Args) || !slices.Contains(block.Args, "get-token"):
		return Entry{}, fmt.Errorf("it runs another plugin (%s), which keeps its own credentials", base(block.Command))
	}
	p := Kubelogin(block.Args)
	return Entry{Provider: &p}, nil
}

func ofAuthProvider(legacy *kubeconfig.AuthProvider) (Entry, error) {
	if legacy.Name != legacyName {
		return Entry{}, fmt.Errorf("it has the auth-provider %q, which Kubernetes 1.26 took away; only oidc is taken in", legacy.Name)
	}
	p, err := LegacyOIDC(legacy.Config)
	return Entry{Provider: &p}, err
}
