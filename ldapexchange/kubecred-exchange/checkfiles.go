package main

// What check finds on this machine.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/private"
	"github.com/kubecred/kubecred/ldapexchange/issuer"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/control"
)

// soon is when the end of a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// door looks at the server's certificate.
func (f *findings) door(c *config.Config) {
	if c.Listen.InsecurePlainHTTP {
		return // it is among the insecure settings
	}
	const checked = "server certificate"
	pair, err := openPair(c)
	if err != nil {
		f.fail(checked, "put a certificate in PEM into listen.certificateFile and its key into listen.keyFile, for the service's user alone (0600)", err)
		return
	}
	now, certificate := time.Now(), pair.Leaf()
	host := hostOf(c.Issuer)
	switch wrong := certificate.VerifyHostname(host); {
	case wrong != nil:
		f.fail(checked, "have one issued that names "+host, fmt.Errorf("it is not for %s, the issuer's host", host))
	case !now.Before(certificate.NotAfter):
		f.fail(checked, "renew it", fmt.Errorf("it ended on %s", day(certificate.NotAfter)))
	case now.Add(soon).After(certificate.NotAfter):
		f.warn(checked, "renew it; the service takes the new one without a restart", "it ends on %s", day(certificate.NotAfter))
	default:
		f.ok(checked, "for %s, until %s", host, day(certificate.NotAfter))
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil { // the reader has looked at it
		return ""
	}
	return u.Hostname()
}

// state looks whether the file may be ours, and whether a service has it.
func (f *findings) state(ctx context.Context, c *config.Config) {
	const checked = "state"
	_, err := control.Dial(ctx, c.State.ControlFolder)
	switch {
	case err == nil:
		f.ok(checked, "%s is open in a service that runs", c.State.File)
		return
	case !errors.Is(err, control.ErrNotRunning):
		f.fail(checked, "run this as the service's user", err)
		return
	}
	folder := filepath.Dir(c.State.File)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(folder)); err != nil {
			f.fail(checked, "make the folder above that of state.file", err)
			return
		}
		f.ok(checked, "%s will be made", c.State.File)
		return
	}
	err = private.Folder(folder)
	if err == nil {
		err = private.Check(c.State.File, private.Ours)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.ok(checked, "%s will be made", c.State.File)
	case err != nil:
		f.fail(checked, "give the file (0600) and its folder (0700) to the service's user alone", err)
	default:
		f.ok(checked, "%s is there, and no service has it open", c.State.File)
	}
}

// keys reads the signing keys, and makes none.
func (f *findings) keys(c *config.Config) {
	const checked = "signing keys"
	_, err := os.Stat(c.Tokens.KeysFolder)
	if errors.Is(err, fs.ErrNotExist) && !c.Tokens.KeysReadOnly {
		f.ok(checked, "the first start makes one in %s", c.Tokens.KeysFolder)
		return
	}
	readOnly := *c
	readOnly.Tokens.KeysReadOnly = true
	keys, err := openKeys(&readOnly)
	if err != nil {
		f.fail(checked, "give the folder (0700) and its files (0600) to the service's user alone, or take the broken file away", err)
		return
	}
	all, signing := keys.List()
	f.ok(checked, "%s; %s signs", count(len(all), "key"), short(signing))
}

func short(id string) string { return id[:min(len(id), 12)] }

// clusters reads what each cluster's callers and certificates need.
func (f *findings) clusters(c *config.Config) {
	for _, cluster := range c.Clusters {
		checked := "cluster " + cluster.Name
		_, _, err := callers(cluster.Callers)
		if err != nil {
			f.fail(checked, "put one line into the file, for the service's user alone", err)
			continue
		}
		switch by := callersBy(cluster.Callers); {
		case cluster.Callers.InsecureAnyone:
			f.warn(checked, "give its API server a token or a certificate (callers)", "anyone may ask for reviews")
		case by == "":
			f.ok(checked, "asks for no reviews")
		default:
			f.ok(checked, "its API server shows %s; the audience is %s", by, cluster.Audience)
		}
	}
	f.authorities(c)
}

func callersBy(c config.Callers) string {
	var ways []string
	if c.TokenFile != "" {
		ways = append(ways, "a token")
	}
	if c.ClientCAFile != "" {
		ways = append(ways, "a certificate")
	}
	return strings.Join(ways, " or ")
}

func (f *findings) authorities(c *config.Config) {
	for _, cluster := range c.Clusters {
		if cluster.CA == nil {
			continue
		}
		checked := "certificates for " + cluster.Name
		ca, err := issuer.OpenCA(issuer.CAOptions{
			CertFile: cluster.CA.CertificateFile, KeyFile: cluster.CA.KeyFile, MaxLife: cluster.CA.Lifetime,
		})
		if err != nil {
			f.fail(checked, "name an authority's certificate and key in PEM, the key for the service's user alone", err)
			continue
		}
		f.ok(checked, "for %s each; the authority ends on %s", config.Span(cluster.CA.Lifetime), day(ca.NotAfter()))
	}
}
