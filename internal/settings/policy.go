package settings

// The administrator's policy. It may only narrow what a person can do, and it
// fails closed: a policy that cannot be read, was written by someone else, or
// says something we do not know ends the program.

import (
	"errors"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/internal/httpclient"
	"go.yaml.in/yaml/v3"
)

// policy is what the file says. The zero policy allows everything.
type policy struct {
	path        string
	issuers     []string // exact, or https://*.example.com
	exchanges   []string // the same; where neither list is there, all are allowed
	grants      []Grant  // denied
	storage     string   // instead of any other; "" leaves it
	kernel      string   // kernel-keyring, instead of any other; "" leaves it
	authorities []string // CA files, instead of any other; nil leaves it
	systemRoots bool     // besides authorities
	proxy       string
	noBrowser   bool // browser-command is denied
	noInsecure  bool // insecure-skip-tls-verify and oidc-pkce-method=no are denied
}

// policy reads the policy file. Without one everything is allowed.
func (f *Files) policy() (*policy, error) {
	p := &policy{path: f.Policy}
	if f.Policy == "" {
		return p, nil
	}
	data, err := f.read(f.Policy, maxPolicy, byAdministrator)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = p.parse(data)
	}
	return p, blame(err, p.source())
}

func (p *policy) source() Source { return Source{Kind: FromPolicy, Name: p.path} }

func (p *policy) parse(data []byte) error {
	root, err := document(data)
	if err != nil {
		return err
	}
	if root == nil { // a write that was cut off looks like this
		return &Error{Problem: Invalid, Err: errEmpty}
	}
	return entries(root, p.entry)
}

func (p *policy) entry(name, val *yaml.Node) (err error) {
	switch name.Value {
	case "issuers":
		p.issuers, err = checkedList(val, checkPattern)
	case "exchanges":
		p.exchanges, err = checkedList(val, checkPattern)
	case "deny-grants":
		err = p.denyGrants(val)
	case "token-cache-storage":
		p.storage, err = checkedScalar(val, func(s string) error { _, err := storage(s); return err })
	case "kernel-keyring":
		p.kernel, err = checkedScalar(val, func(s string) error { _, err := kernelKeyring(s); return err })
	case "certificate-authority":
		p.authorities, err = checkedList(val, checkText)
	case "add-system-roots":
		p.systemRoots, err = truth(val)
	case "proxy":
		p.proxy, err = checkedScalar(val, checkProxy)
	case "deny-browser-command":
		p.noBrowser, err = truth(val)
	case "deny-insecure":
		p.noInsecure, err = truth(val)
	default:
		err = unknown(name)
	}
	return err
}

func (p *policy) denyGrants(val *yaml.Node) error {
	names, err := checkedList(val, func(s string) error {
		if g, err := grant(s); err != nil || g == GrantAuto {
			return errors.New("not a grant that can be denied")
		}
		return nil
	})
	for _, name := range names {
		p.grants = append(p.grants, Grant(name))
	}
	return err
}

// checkedList reads a list whose elements pass check. An empty one is an error:
// "issuers:" with nothing below it would else allow them all, or none.
func checkedList(n *yaml.Node, check func(string) error) ([]string, error) {
	words, err := list(n)
	if err == nil && len(words) == 0 {
		err = invalid("line %d: expects at least one element", n.Line)
	}
	if err != nil {
		return nil, err
	}
	for i, word := range words {
		if wrong := check(word); wrong != nil {
			return nil, invalid("line %d: %v", lineOf(n, i), wrong)
		}
	}
	return words, nil
}

// lineOf returns the line of element i of a list, or of the word that is one.
func lineOf(n *yaml.Node, i int) int {
	if i < len(n.Content) {
		return n.Content[i].Line
	}
	return n.Line
}

func checkedScalar(n *yaml.Node, check func(string) error) (string, error) {
	word, err := scalar(n)
	if err == nil {
		if wrong := check(word); wrong != nil {
			err = invalid("line %d: %v", n.Line, wrong)
		}
	}
	return word, err
}

// allows reports whether the issuer, or the exchange of a profile, may be used.
// Where the policy has either list, what is in none may not: an administrator
// who lists issuers does not mean that passwords may go anywhere.
func (p *policy) allows(address string, exchange Exchange) bool {
	return p.issuers == nil && p.exchanges == nil || listed(p.list(exchange), address)
}

// vouches reports whether the administrator named the issuer or the exchange.
func (p *policy) vouches(address string, exchange Exchange) bool {
	return listed(p.list(exchange), address)
}

func (p *policy) list(exchange Exchange) []string {
	if exchange != "" {
		return p.exchanges
	}
	return p.issuers
}

// listed compares exactly, as OpenID Connect does (Discovery, section 4.3). A
// pattern stands for any path and any host below its domain, never for the
// domain itself.
func listed(list []string, address string) bool {
	if slices.Contains(list, address) {
		return true
	}
	u, err := httpclient.ParseURL(address)
	if err != nil || u.Scheme != "https" {
		return false
	}
	return slices.ContainsFunc(list, func(pattern string) bool {
		domain, ok := strings.CutPrefix(pattern, "https://*.")
		return ok && below(u.Host, domain)
	})
}

// below compares hosts with their ports.
func below(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(domain)
	name, ok := strings.CutSuffix(host, "."+domain)
	return ok && name != "" && !strings.HasPrefix(name, ".")
}

// checkPattern accepts an issuer, or https://*. and a domain of two labels or
// more, so that nobody allows all of com.
func checkPattern(s string) error {
	domain, ok := strings.CutPrefix(s, "https://*.")
	if strings.Contains(domain, "*") {
		return errors.New("a pattern looks like https://*.example.com")
	}
	if !ok {
		return checkIssuer(s)
	}
	u, err := httpclient.ParseURL("https://" + domain)
	switch {
	case err != nil:
		return err
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery:
		return errors.New("a pattern has no path: it stands for every path")
	case !strings.Contains(strings.Trim(u.Hostname(), "."), "."):
		return errors.New("a pattern names a domain of at least two labels")
	}
	return nil
}

// checkProxy accepts "none" or an address. http is usual: TLS goes through it.
func checkProxy(s string) error {
	if s == "none" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || checkText(s) != nil {
		return errors.New("expects none or a proxy's address without user information")
	}
	return nil
}
