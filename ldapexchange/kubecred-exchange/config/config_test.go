package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// minimal is the least that says everything.
const minimal = `issuer: https://exchange.example.com
listen: {certificateFile: tls.crt, keyFile: /etc/tls.key}
directory: {usersFile: users.yaml}
clients:
- id: kubernetes
tokens: {keysFolder: keys}
state: {file: state.db}
`

// full says everything once.
const full = `issuer: https://exchange.example.com/ldap
listen:
  address: 127.0.0.1:9443
  certificateFile: tls.crt
  keyFile: tls.key
  drain: 30s
  connections: 100
metrics: {address: ":9090"}
directory:
  ldap:
    preset: activeDirectory
    urls: [ldaps://dc1.corp.example, "ldap://dc2.corp.example:3268"]
    caFile: ad.pem
    serverName: dc.corp.example
    insecurePlaintext: true
    insecureSkipVerify: true
    bindDN: CN=svc,OU=Services,DC=corp,DC=example
    bindPasswordFile: bind.password
    userBase: DC=corp,DC=example
    userFilter: (sAMAccountName={name})
    bindTemplate: "{name}@corp.example"
    idAttribute: objectGUID
    nameAttribute: sAMAccountName
    emailAttribute: mail
    policyDN: cn=policy,dc=corp
    groups: {mode: search, base: "OU=Groups,DC=corp,DC=example", filter: "(member={dn})", attribute: memberOf, nameAttribute: cn, depth: 5}
    connectTimeout: 1s500ms
    requestTimeout: 2s
    maxConnections: 4
clients:
- id: kubernetes
  audiences: [prod, test]
clusters:
- name: prod
  audience: prod
  callers: {tokenFile: prod.token, clientCAFile: prod-ca.pem, clientNames: [apiserver]}
  certificateAuthority: {certificateFile: ca.crt, keyFile: ca.key, lifetime: 30m}
- name: test
  audience: test
  callers: {insecureAnyone: true}
tokens:
  lifetime: 5m
  session: 1d2h
  algorithm: ES256
  keysFolder: keys
  keysReadOnly: true
  rotation: 90d
  maxSize: 8KiB
identity:
  prefix: "corp:"
  groupPrefix: "corp:"
  lowercase: false
  groups: ["k8s-*"]
  maxGroups: 50
  insecureAllowSystem: true
limits: {failuresPerUser: 3, failuresPerAddress: 50, window: 10m, body: 32KiB}
trustedProxies: [10.0.0.0/8, "fd00::/8"]
state: {file: state.db, controlFolder: /run/exchange}
audit: {file: audit.log}
log: {level: debug}
`

func TestMinimal(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "exchange.yaml")
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen.Address != ":8443" || c.Tokens.Lifetime != 10*time.Minute || c.Tokens.Session != 12*time.Hour ||
		c.Tokens.Algorithm != "RS256" || !c.Identity.Lowercase || c.Metrics != nil || c.Clusters != nil {
		t.Errorf("other defaults: %+v", c)
	}
	for got, want := range map[string]string{
		c.Listen.CertificateFile: filepath.Join(folder, "tls.crt"),
		c.Listen.KeyFile:         "/etc/tls.key",
		c.Directory.UsersFile:    filepath.Join(folder, "users.yaml"),
		c.Tokens.KeysFolder:      filepath.Join(folder, "keys"),
		c.State.ControlFolder:    filepath.Join(folder, "state.db.control"),
	} {
		if got != want {
			t.Errorf("%s is not %s", got, want)
		}
	}
	// The state and the keys are the service's own: they are not watched.
	want := []string{filepath.Join(folder, "tls.crt"), "/etc/tls.key", filepath.Join(folder, "users.yaml"), path}
	if fmt.Sprint(c.Files) != fmt.Sprint(want) {
		t.Errorf("watched: %v, not %v", c.Files, want)
	}
}

func TestFull(t *testing.T) {
	c, p := parse([]byte(full), "/etc/exchange")
	if len(p) > 0 {
		t.Fatal(p)
	}
	ldap := c.Directory.LDAP
	switch {
	case ldap == nil:
		t.Fatal("no LDAP")
	case ldap.ConnectTimeout != 1500*time.Millisecond, ldap.BindPassword.File != "/etc/exchange/bind.password", len(ldap.URLs) != 2:
		t.Errorf("%+v", ldap)
	case c.Clusters[0].CA.Lifetime != 30*time.Minute, c.Clusters[1].CA != nil, !c.Clusters[1].Callers.InsecureAnyone:
		t.Errorf("%+v", c.Clusters)
	case c.Tokens.Session != 26*time.Hour, c.Tokens.MaxSize != 8192, c.Metrics.Address != ":9090", c.Identity.Lowercase:
		t.Errorf("%+v", c)
	}
}

// edit returns minimal with something in another's place.
func edit(old, text string) string {
	if !strings.Contains(minimal, old) {
		panic("nothing to edit: " + old)
	}
	return strings.Replace(minimal, old, text, 1)
}

func TestWhatIsWrongNamesItsLine(t *testing.T) {
	const tls = "listen: {certificateFile: tls.crt, keyFile: /etc/tls.key}"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":               {"", "is empty"},
		"comments":              {"# nothing\n", "is empty"},
		"null":                  {"~\n", "is empty"},
		"a list":                {"- a\n", "line 1: expects keys and values"},
		"two documents":         {minimal + "---\nissuer: x\n", "not valid YAML"},
		"no YAML":               {"issuer: [\n", "line 1: not valid YAML"},
		"an unknown key":        {minimal + "isuer: x\n", "line 8: isuer: is not known; known here: issuer, listen"},
		"an unknown inner key":  {edit("tokens: {keysFolder: keys}", "tokens:\n  keysFolder: keys\n  lifetme: 5m"), "line 8: tokens.lifetme: is not known"},
		"in a list":             {edit("- id: kubernetes", "- id: kubernetes\n- id: a\n  secret: b"), "line 7: clients[1].secret: is not known"},
		"twice":                 {minimal + "issuer: https://b.example\n", "line 8: issuer: is given twice"},
		"twice inside":          {edit("{keysFolder: keys}", "{keysFolder: keys, keysFolder: b}"), "line 6: tokens.keysFolder: is given twice"},
		"missing":               {edit("state: {file: state.db}", ""), "line 1: state: is missing"},
		"missing inside":        {edit("{keysFolder: keys}", "{lifetime: 5m}"), "line 6: tokens.keysFolder: is missing"},
		"a merge":               {minimal + "log: {<<: {level: info}}\n", "a key is not a word"},
		"a number for text":     {edit("id: kubernetes", "id: 12"), "line 5: clients[0].id: expects text, in quotes"},
		"a list for text":       {edit("id: kubernetes", "id: [a]"), "line 5: clients[0].id: expects text"},
		"nothing for text":      {edit("id: kubernetes", "id:"), "line 5: clients[0].id: expects text"},
		"empty text":            {edit("id: kubernetes", `id: ""`), "line 5: clients[0].id: is empty"},
		"two lines":             {edit("id: kubernetes", `id: "a\nb"`), "line 5: clients[0].id: holds a control character"},
		"a blank":               {edit("id: kubernetes", `id: "a "`), "line 5: clients[0].id: begins or ends with a blank"},
		"text for a list":       {edit("- id: kubernetes", "- id: kubernetes\n  audiences: a"), "line 6: clients[0].audiences: expects a list"},
		"an empty list":         {edit("- id: kubernetes", "- id: kubernetes\n  audiences: []"), "at least one element"},
		"a bare duration":       {edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: 600}"), "line 6: tokens.lifetime: expects a duration from 1m to 1h"},
		"a long duration":       {edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: 61m}"), "expects a duration from 1m to 1h"},
		"an endless duration":   {edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: 999999d999999d}"), "expects a duration"},
		"a negative duration":   {edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: -5m}"), "expects a duration"},
		"a bare size":           {minimal + "limits: {body: 65536}\n", "line 8: limits.body: expects a size from 4KiB to 8MiB"},
		"a word for a number":   {minimal + "limits: {failuresPerUser: five}\n", "expects a whole number from 1 to 1000"},
		"text for a number":     {minimal + "limits: {failuresPerUser: \"5\"}\n", "expects a whole number"},
		"too large a number":    {minimal + "limits: {failuresPerUser: 1001}\n", "expects a whole number"},
		"another truth":         {minimal + "identity: {lowercase: yes}\n", "line 8: identity.lowercase: expects true or false"},
		"another choice":        {edit("{keysFolder: keys}", "{keysFolder: keys, algorithm: EdDSA}"), "expects one of RS256, ES256"},
		"no TLS":                {edit(tls, "listen: {address: 127.0.0.1:80}"), "line 2: listen: needs certificateFile and keyFile"},
		"half of TLS":           {edit(tls, "listen: {certificateFile: tls.crt}"), "needs certificateFile and keyFile"},
		"plain for everyone":    {edit(tls, "listen: {insecurePlainHTTP: true}"), "line 2: listen.insecurePlainHTTP: is taken on a loopback address alone"},
		"plain and TLS":         {edit("tls.key}", "tls.key, insecurePlainHTTP: true}"), "is given together with a certificate"},
		"a plain issuer":        {edit("https://exchange.example.com", "http://exchange.example.com"), "line 1: issuer: expects an https URL"},
		"a plain local issuer":  {edit("https://exchange.example.com", "http://127.0.0.1"), "line 1: issuer: must be https"},
		"an issuer's slash":     {edit("example.com", "example.com/"), "line 1: issuer: ends with a slash"},
		"an issuer's query":     {edit("example.com", "example.com?a=b"), "line 1: issuer: has a query"},
		"an issuer's dots":      {edit("example.com", "example.com/a/../b"), "line 1: issuer: has a path that is not clean"},
		"no directory":          {edit("usersFile: users.yaml", ""), "line 3: directory: needs ldap or usersFile"},
		"a client twice":        {edit("- id: kubernetes", "- id: a\n- id: a"), "line 6: clients[1].id: is given twice"},
		"the issuer as client":  {edit("id: kubernetes", "id: https://exchange.example.com"), "clients[0]: names the issuer"},
		"a cluster alone":       {minimal + "clusters: [{name: a, audience: kubernetes}]\n", "line 8: clusters[0]: needs callers"},
		"a cluster's name":      {minimal + "clusters: [{name: a/b, audience: kubernetes, callers: {insecureAnyone: true}}]\n", "clusters[0].name: is a name of letters"},
		"a cluster for nobody":  {minimal + "clusters: [{name: a, audience: b, callers: {insecureAnyone: true}}]\n", "nobody could sign in to it"},
		"one audience for two":  {minimal + "clusters:\n- {name: a, audience: kubernetes, callers: {insecureAnyone: true}}\n- {name: b, audience: kubernetes, callers: {insecureAnyone: true}}\n", "line 10: clusters[1].audience: is another cluster's"},
		"another's ID":          {edit("- id: kubernetes", "- id: a\n- id: b\n  audiences: [a]"), "line 7: clients[1].audiences[0]: is the id of another client"},
		"a wide client":         {edit("- id: kubernetes", "- id: a\n  audiences: [b]") + "clusters: [{name: a, audience: a, callers: {insecureAnyone: true}}]\n", "tokens for those would pass here too"},
		"anyone and a token":    {minimal + "clusters: [{name: a, audience: kubernetes, callers: {insecureAnyone: true, tokenFile: a}}]\n", "is given together with a credential"},
		"a proxy's host":        {minimal + "trustedProxies: [proxy.example.com]\n", "line 8: trustedProxies[0]: expects a network"},
		"a short session":       {edit("{keysFolder: keys}", "{keysFolder: keys, lifetime: 1h, session: 10m}"), "tokens.session: is shorter than a token lives"},
		"a pattern":             {minimal + "identity: {groups: [\"[a\"]}\n", "only * stands for any text"},
		"two problems at once":  {minimal + "a: 1\nb: 2\n", "line 8: a: is not known; known here: issuer, listen, metrics, directory, clients, clusters, tokens, identity, limits, trustedProxies, state, audit, log\nline 9: b: is not known"},
		"an alias of its own":   {"a: &a [*a]\n", "line 1"},
		"aliases upon aliases":  {"a: &a [b]\nissuer: *a\n", "line 1: issuer: expects text"},
		"insecure in one place": {minimal + "insecureSkipVerify: true\n", "line 8: insecureSkipVerify: is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := parse([]byte(c.text), "/etc")
			if len(p) == 0 || !strings.Contains(p.Error(), c.want) {
				t.Errorf("want %q, got:\n%v", c.want, p)
			}
		})
	}
}

func TestWhatIsWrongWithLDAP(t *testing.T) {
	ldap := func(body string) string {
		return edit("directory: {usersFile: users.yaml}", "directory:\n  ldap:\n    preset: rfc2307\n    userBase: dc=corp\n"+body)
	}
	const urls = "    urls: [ldaps://a.example]\n"
	if _, p := parse([]byte(ldap(urls)), "/etc"); len(p) > 0 {
		t.Fatal(p)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nobody's plaintext": {ldap(urls + "    insecurePlaintext: true\n"), "line 8: directory.ldap.insecurePlaintext: is set, and no url is ldap://"},
		"no URL":             {ldap("    urls: [a.example]\n"), "line 7: directory.ldap.urls[0]: expects ldaps://host"},
		"a path":             {ldap("    urls: [ldaps://a.example/dc=corp]\n"), "expects ldaps://host"},
		"a user":             {ldap("    urls: [\"ldaps://u:CANARY@a.example\"]\n"), "expects ldaps://host"},
		"no password":        {ldap(urls + "    bindDN: cn=a\n"), "line 8: directory.ldap.bindDN: needs bindPasswordFile"},
		"a password alone":   {ldap(urls + "    bindPasswordFile: a\n"), "directory.ldap.bindDN: is missing"},
		"two passwords":      {ldap(urls + "    bindDN: cn=a\n    bindPasswordFile: a\n    bindPasswordCommand: [a]\n"), "line 10: directory.ldap.bindPasswordCommand: is given together"},
		"an inline password": {ldap(urls + "    bindPassword: CANARY\n"), "line 8: directory.ldap.bindPassword: is not known"},
		"no place for names": {ldap(urls + "    bindTemplate: uid=CANARY\n"), "line 8: directory.ldap.bindTemplate: lacks {name}"},
		"a users file too":   {strings.Replace(ldap(urls), "  ldap:", "  usersFile: a\n  ldap:", 1), "line 3: directory: needs ldap or usersFile, one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := parse([]byte(c.text), "/etc")
			if len(p) == 0 || !strings.Contains(p.Error(), c.want) || strings.Contains(p.Error(), "CANARY") {
				t.Errorf("want %q, got:\n%v", c.want, p)
			}
		})
	}
}

// Someone may put a secret anywhere.
func TestNoComplaintRepeatsAValue(t *testing.T) {
	for line := range strings.Lines(full) {
		key, _, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		text := strings.Replace(full, line, key+": \"CANARY\\nCANARY\"\n", 1)
		if _, p := parse([]byte(text), "/etc"); strings.Contains(fmt.Sprint(p), "CANARY") {
			t.Errorf("%s: %v", key, p)
		}
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "key%d: 1\n", i)
	}
	_, p := parse([]byte(text.String()), "/etc")
	if got := p.Error(); !strings.HasSuffix(got, "and 85 more") || strings.Count(got, "\n") != maxProblems {
		t.Errorf("got:\n%s", got)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "exchange.yaml")
	if err := os.WriteFile(path, []byte(minimal+"a: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var first *Error
	_, err := Load(path)
	if !errors.As(err, &first) || first.Line != 8 || first.Key != "a" || first.File != path {
		t.Errorf("%#v", err)
	}
	for name, want := range map[string]string{
		filepath.Join(folder, "none"): "no such file",
		folder:                        "not a regular file",
		os.DevNull:                    "not a regular file",
	} {
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %q", name, err, want)
		}
	}
	large := filepath.Join(folder, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("#", maxFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(large); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("large: %v", err)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{"10m": 10 * time.Minute, "1h30m": 90 * time.Minute, "30d": 30 * day, "1d500ms": day + 500*time.Millisecond, "0s": 0} {
		got, ok := parseSpan(text)
		if !ok || got != want || Span(want).String() != text {
			t.Errorf("%s: %v, %v, %s", text, got, ok, Span(want))
		}
	}
	for _, text := range []string{"", "5", "m", "5m ", "1.5h", "5µs", "999999d999999d", strings.Repeat("1m", 40)} {
		if _, ok := parseSpan(text); ok {
			t.Errorf("%q is taken", text)
		}
	}
	for text, want := range map[string]int64{"1B": 1, "12KiB": 12 << 10, "3MiB": 3 << 20} {
		got, ok := parseSize(text)
		if !ok || got != want || Size(want).String() != text {
			t.Errorf("%s: %v, %v, %s", text, got, ok, Size(want))
		}
	}
	for _, text := range []string{"", "5", "5KB", "5 KiB", "-1B"} {
		if _, ok := parseSize(text); ok {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(full))
	f.Add([]byte("a: &a [*a]\nissuer: *a\n"))
	f.Add([]byte("clusters: &a\n- name: x\n  callers: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, p := parse(data, "/etc")
		if len(p) == 0 && (c.Issuer == "" || len(c.Clients) == 0 || c.Tokens.Lifetime > time.Hour) {
			t.Errorf("accepted: %+v", c)
		}
		for line := range strings.Lines(p.Error()) {
			if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q", line)
			}
		}
	})
}
