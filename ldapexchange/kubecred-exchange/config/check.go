package config

// What one value alone does not tell.

import (
	"errors"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/ldapexchange"
)

// wrong complains of the key at path, at its own line or at that of the
// section that holds it.
func (r *reader) wrong(key, text string) {
	at := key
	for at != "" && r.lines[at] == 0 {
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	r.complain(r.lines[at], key, text)
}

func (c *Config) check(r *reader) {
	c.checkListen(r)
	c.Directory.check(r)
	c.checkClients(r)
	c.checkClusters(r)
	if c.Tokens.Session < c.Tokens.Lifetime {
		r.wrong("tokens.session", "is shorter than a token lives")
	}
	if c.State.ControlFolder == "" {
		c.State.ControlFolder = c.State.File + ".control"
	}
}

// checkListen demands TLS, but on loopback where it is asked for.
func (c *Config) checkListen(r *reader) {
	l := c.Listen
	switch tls := l.CertificateFile != "" && l.KeyFile != ""; {
	case !l.InsecurePlainHTTP && !tls:
		r.wrong("listen", "needs certificateFile and keyFile: the service speaks TLS")
	case l.InsecurePlainHTTP && (l.CertificateFile != "" || l.KeyFile != ""):
		r.wrong("listen.insecurePlainHTTP", "is given together with a certificate or a key")
	case l.InsecurePlainHTTP && !onLoopback(l.Address):
		r.wrong("listen.insecurePlainHTTP", "is taken on a loopback address alone (127.0.0.1:PORT)")
	}
	if strings.HasPrefix(c.Issuer, "http://") && !l.InsecurePlainHTTP {
		r.wrong("issuer", "must be https")
	}
}

func (d *Directory) check(r *reader) {
	if (d.LDAP == nil) == (d.UsersFile == "") {
		r.wrong("directory", "needs ldap or usersFile, one of them")
		return
	}
	if d.LDAP != nil {
		d.LDAP.check(r)
	}
}

func (l *LDAP) check(r *reader) {
	const at = "directory.ldap."
	plain := func(url string) bool { return strings.HasPrefix(url, "ldap://") }
	if l.InsecurePlaintext && !slices.ContainsFunc(l.URLs, plain) {
		r.wrong(at+"insecurePlaintext", "is set, and no url is ldap://")
	}
	switch {
	case l.BindPassword.File != "" && len(l.BindPassword.Command) > 0:
		r.wrong(at+"bindPasswordCommand", "is given together with bindPasswordFile")
	case l.BindDN != "" && !l.BindPassword.Given():
		r.wrong(at+"bindDN", "needs bindPasswordFile or bindPasswordCommand")
	case l.BindDN == "" && l.BindPassword.Given():
		r.wrong(at+"bindDN", "is missing, and a password for it is given")
	}
}

func (c *Config) checkClients(r *reader) {
	seen := map[string]bool{}
	foreign := func(id, audience string) bool {
		return audience != id && slices.ContainsFunc(c.Clients, func(other Client) bool { return other.ID == audience })
	}
	for i, client := range c.Clients {
		key := "clients[" + strconv.Itoa(i) + "]"
		for j, audience := range client.Audiences {
			if foreign(client.ID, audience) {
				r.wrong(key+".audiences["+strconv.Itoa(j)+"]", "is the id of another client: tokens for others would pass there")
			}
		}
		if seen[client.ID] {
			r.wrong(key+".id", "is given twice")
		}
		seen[client.ID] = true
		if client.ID == c.Issuer || slices.Contains(client.Audiences, c.Issuer) {
			r.wrong(key, "names the issuer as an audience, which stands for the service itself")
		}
	}
}

func (c *Config) checkClusters(r *reader) {
	names, audiences := map[string]bool{}, map[string]bool{}
	for i, cluster := range c.Clusters {
		key := "clusters[" + strconv.Itoa(i) + "]"
		if names[cluster.Name] {
			r.wrong(key+".name", "is given twice")
		}
		if audiences[cluster.Audience] {
			r.wrong(key+".audience", "is another cluster's: each would take the other's tokens")
		}
		names[cluster.Name], audiences[cluster.Audience] = true, true
		if cluster.Audience == c.Issuer {
			r.wrong(key+".audience", "is the issuer, which stands for the service itself")
		}
		callers := cluster.Callers.TokenFile != "" || cluster.Callers.ClientCAFile != ""
		switch {
		case cluster.Callers.InsecureAnyone && callers:
			r.wrong(key+".callers.insecureAnyone", "is given together with a credential of the callers")
		case cluster.Callers.ClientCAFile != "" && c.Listen.InsecurePlainHTTP:
			r.wrong(key+".callers.clientCAFile", "needs TLS")
		case !callers && !cluster.Callers.InsecureAnyone && cluster.CA == nil:
			r.wrong(key, "needs callers, a certificateAuthority, or both")
		}
		c.checkAudience(r, key, cluster)
	}
}

// checkAudience finds a cluster for which no client can get a token, and one
// that would take tokens for others: a token for an audience names its client
// as well, and API servers take a token when any of its audiences is theirs.
func (c *Config) checkAudience(r *reader, key string, cluster Cluster) {
	known := slices.ContainsFunc(c.Clients, func(client Client) bool {
		if client.ID == cluster.Audience && len(client.Audiences) > 0 {
			r.wrong(key+".audience", "is the id of a client that may ask for other audiences: tokens for those would pass here too")
		}
		return client.ID == cluster.Audience || slices.Contains(client.Audiences, cluster.Audience)
	})
	if !known {
		r.wrong(key+".audience", "is in no client's audiences, and no client's id: nobody could sign in to it")
	}
}

// plain accepts text that fits on one line.
func plain(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > maxWord:
		return errors.New("is too long")
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return errors.New("holds a control character")
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a blank")
	}
	return nil
}

// issuerURL accepts https, and http for a service on loopback; checkListen
// looks closer.
func issuerURL(s string) error {
	u, err := httpclient.ParseURL(s)
	switch {
	case err != nil:
		return errors.New("expects an https URL with a host, and http on loopback alone")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
		return errors.New("has a query, a fragment or a user name")
	case strings.HasSuffix(s, "/"):
		return errors.New("ends with a slash")
	case path.Clean("/"+u.Path) != "/"+strings.TrimPrefix(u.Path, "/"):
		return errors.New("has a path that is not clean")
	}
	return nil
}

func ldapURL(s string) error {
	rest, ok := strings.CutPrefix(s, "ldaps://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "ldap://")
	}
	if !ok || rest == "" || strings.ContainsAny(rest, "/?#@ ") {
		return errors.New("expects ldaps://host, ldaps://host:port or ldap://host")
	}
	return nil
}

func hostPort(s string) error {
	_, port, err := net.SplitHostPort(s)
	if n, wrong := strconv.Atoi(port); err != nil || wrong != nil || n < 0 || n > 65535 {
		return errors.New("expects host:port, or :port")
	}
	return nil
}

func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip, wrong := netip.ParseAddr(host)
	return err == nil && (host == "localhost" || wrong == nil && ip.IsLoopback())
}

func network(s string) error {
	if _, err := netip.ParsePrefix(s); err != nil {
		return errors.New("expects a network such as 10.0.0.0/8")
	}
	return nil
}

// pathName accepts what stands for itself in a URL's path.
func pathName(s string) error {
	if !ldapexchange.IsClusterName(s) {
		return errors.New("is a name of letters, digits, dots, dashes and underscores, at most 64")
	}
	return nil
}

func glob(s string) error {
	if strings.ContainsAny(s, `[]\?`) {
		return errors.New("is a name in which only * stands for any text")
	}
	return nil
}

func named(s string) error {
	if !strings.Contains(s, "{name}") {
		return errors.New("lacks {name}")
	}
	return nil
}
