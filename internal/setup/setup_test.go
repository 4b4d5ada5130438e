package setup

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kubecred/kubecred/internal/kubeconfig"
	"github.com/kubecred/kubecred/internal/owner"
	"github.com/kubecred/kubecred/internal/secret"
)

func corp() Server {
	return Server{
		Issuer: "https://idp.corp.example/realms/main", Audience: "kubernetes",
		Username: Mapping{"email", "oidc:"}, Groups: Mapping{"groups", "oidc:"},
	}
}

// alice is a token of whom everything is right, but for what changes says; nil
// takes a claim away.
func alice(t *testing.T, changes map[string]any) Token {
	t.Helper()
	claims := map[string]any{
		"iss": "https://idp.corp.example/realms/main", "aud": "kubernetes", "sub": "0d1c", "email": "alice@corp.example",
		"email_verified": true, "groups": []string{"developers", "ops"}, "iat": 1_700_000_000, "exp": 1_700_003_600,
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	token, err := ParseToken(jwt(t, `{"alg":"ES256"}`, claims))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func jwt(t *testing.T, header string, claims any) secret.Text {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	return secret.New(part([]byte(header)) + "." + part(payload) + ".c2lnbmVk")
}

func TestSeesAsTheAPIServerDoes(t *testing.T) {
	got := corp().See(alice(t, nil))
	if got.User != "oidc:alice@corp.example" || strings.Join(got.Groups, " ") != "oidc:developers oidc:ops" {
		t.Errorf("%q in %q", got.User, got.Groups)
	}
	if len(got.Refused)+len(got.Doubts) > 0 {
		t.Errorf("%q, %q", got.Refused, got.Doubts)
	}
}

// Each row is one thing that is wrong with the token, and what is said of it.
func TestSaysWhatIsWrong(t *testing.T) {
	many := make([]string, manyGroups+1)
	for name, c := range map[string]struct {
		server          func(*Server)
		claims          map[string]any
		refused, doubts string
	}{
		"another audience":       {nil, map[string]any{"aud": []string{"a", "b"}}, "for the audience a, b, not for kubernetes", ""},
		"no audience":            {nil, map[string]any{"aud": nil}, "for the audience nobody", ""},
		"one of the audiences":   {nil, map[string]any{"aud": []string{"a", "kubernetes"}}, "", ""},
		"http":                   {func(s *Server) { s.Issuer = "http://localhost:8080" }, nil, "https alone", ""},
		"no user name":           {nil, map[string]any{"email": nil}, "no claim email", ""},
		"a number for a name":    {nil, map[string]any{"email": 5}, "no claim email, or it is no text", ""},
		"an unverified address":  {nil, map[string]any{"email_verified": false}, "has not verified the address", ""},
		"verified, in a text":    {nil, map[string]any{"email_verified": "true"}, "has not verified the address", ""},
		"perhaps verified":       {nil, map[string]any{"email_verified": nil}, "", "whether the address is verified"},
		"unverified and unused":  {func(s *Server) { s.Username.Claim = "sub" }, map[string]any{"email_verified": false}, "", ""},
		"a name of the system's": {func(s *Server) { s.Username = Mapping{"sub", ""} }, map[string]any{"sub": "system:admin"}, "user name begins with system:", ""},
		"the same behind oidc:":  {func(s *Server) { s.Username.Claim = "sub" }, map[string]any{"sub": "system:admin"}, "", ""},
		"a prefix of system:":    {func(s *Server) { s.Username.Prefix = "system:" }, nil, "user name begins with system:", ""},
		"a group of the system":  {func(s *Server) { s.Groups.Prefix = "" }, map[string]any{"groups": []string{"a", "system:masters"}}, "group system:masters begins with system:", ""},
		"no groups":              {nil, map[string]any{"groups": nil}, "", "no claim groups, so nobody has groups; the provider"},
		"other lists":            {nil, map[string]any{"groups": nil, "roles": []string{"a"}, "amr": []string{"pwd"}}, "", "other lists in it: roles"},
		"groups not wanted":      {func(s *Server) { s.Groups.Claim = "" }, map[string]any{"groups": nil}, "", ""},
		"one group":              {nil, map[string]any{"groups": "developers"}, "", ""},
		"groups of numbers":      {nil, map[string]any{"groups": []int{1}}, "neither a text nor a list of texts", ""},
		"an overage":             {nil, map[string]any{"groups": nil, "_claim_names": map[string]string{"groups": "src1"}}, "names an address to ask for them", ""},
		"many groups":            {nil, map[string]any{"groups": many}, "", "201 groups: "},
		"a day":                  {nil, map[string]any{"exp": 1_700_000_000 + 24*3600}, "", ""},
		"more than a day":        {nil, map[string]any{"exp": 1_700_000_001 + 24*3600}, "lives for 25 hours", ""},
		"no beginning":           {nil, map[string]any{"iat": nil}, "does not say when it was issued", ""},
		"a month":                {nil, map[string]any{"exp": 1_700_000_000 + 30*24*3600}, "lives for 30 days", ""},
		"large":                  {nil, map[string]any{"picture": strings.Repeat("x", largeToken)}, "", "the token has 10 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := corp()
			if c.server != nil {
				c.server(&s)
			}
			got := s.See(alice(t, c.claims))
			holds(t, "refused", got.Refused, c.refused)
			holds(t, "doubts", got.Doubts, c.doubts)
		})
	}
}

// holds wants one sentence with the text, or none.
func holds(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
		t.Errorf("%s: %q, not %q", what, got, want)
	}
}

func TestReadsNoOtherTokens(t *testing.T) {
	for _, raw := range []string{"", "opaque", "a.b", "a.b.c", "e30.e30", "e30.bnVsbA.c", "e30.W10.c", strings.Repeat(".", 2)} {
		if got, err := ParseToken(secret.New(raw)); !errors.Is(err, owner.ErrOpaque) {
			t.Errorf("%q is %v, %v", raw, got, err)
		}
	}
}

func TestLife(t *testing.T) {
	for _, times := range [][2]any{{nil, nil}, {1, nil}, {nil, 1}, {5, 4}, {"1", "2"}, {1, 1e300}} {
		if life := alice(t, map[string]any{"iat": times[0], "exp": times[1]}).life(); life != 0 {
			t.Errorf("%v is %s", times, life)
		}
	}
	if life := alice(t, nil).life(); life != time.Hour {
		t.Error(life)
	}
}

func TestFlags(t *testing.T) {
	s := corp()
	if got := s.Flags(); got != `--oidc-issuer-url=https://idp.corp.example/realms/main
--oidc-client-id=kubernetes
--oidc-username-claim=email
--oidc-username-prefix=oidc:
--oidc-groups-claim=groups
--oidc-groups-prefix=oidc:
` {
		t.Error(got)
	}
	s.Username.Prefix, s.Groups, s.CAPEM, s.Algorithm = "", Mapping{}, []byte("x"), "ES256"
	if got := s.Flags(); !strings.HasSuffix(got, `
--oidc-username-prefix=-
--oidc-ca-file=/etc/kubernetes/oidc-ca.pem
--oidc-signing-algs=ES256
`) || strings.Contains(got, "groups") {
		t.Error(got)
	}
}

// What is printed reads as what was meant, however hostile that is.
func TestTextsReadAsMeant(t *testing.T) {
	for _, text := range hostile() {
		s := Server{Issuer: text, Audience: text, Username: Mapping{text, text}, Groups: Mapping{text, text}, CAPEM: []byte("-----BEGIN\nx\n-----END\n")}
		var config struct {
			JWT []struct {
				Issuer struct {
					URL                  string
					Audiences            []string
					CertificateAuthority string `yaml:"certificateAuthority"`
				}
				ClaimMappings struct{ Username, Groups Mapping } `yaml:"claimMappings"`
			}
		}
		read(t, s.AuthenticationConfiguration(), &config)
		if j := config.JWT[0]; j.Issuer.URL != text || len(j.Issuer.Audiences) != 1 || j.Issuer.Audiences[0] != text ||
			j.Issuer.CertificateAuthority != string(s.CAPEM) || j.ClaimMappings.Username != s.Username || j.ClaimMappings.Groups != s.Groups {
			t.Errorf("%q: %+v", text, j)
		}
		var binding struct{ Subjects []map[string]string }
		read(t, Sight{User: text}.RBAC(), &binding)
		if who := binding.Subjects[0]; who["kind"] != "User" || who["name"] != text {
			t.Errorf("%q: %v", text, who)
		}
		var kuberc struct {
			List []map[string]string `yaml:"credentialPluginAllowlist"`
		}
		read(t, Kuberc(text), &kuberc)
		if len(kuberc.List) != 1 || kuberc.List[0]["command"] != text {
			t.Errorf("%q: %v", text, kuberc)
		}
	}
}

func hostile() []string {
	return []string{
		"word", "", " ", "y", "No", "null", "~", "1", "1.5", "0x10", "1:20", "a: b", "a #b", "- a", "key:", "'", `"`, `\`, "{}", "[]",
		"*a", "&a", "!a", "|", ">", "%", "@a", "`", "a\nb: c", "a\r\nb", "a\tb", "\u0085", "\u2028", "\u202e", "\x00", "\x1b[31m", "\x7f",
		"é", "日本", "oidc:", "oidc:a", "https://a.example/b?c=d#e", `C:\Program Files\kubecred.exe`, "/usr/local/bin/kubecred", "<<", "=", "---", "...",
	}
}

func read(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

func FuzzScalar(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		var back struct{ A string }
		written := scalar(text)
		if err := yaml.Unmarshal([]byte("a: "+written+"\n"), &back); err != nil || back.A != text || strings.Contains(written, "\n") {
			t.Errorf("%q as %s reads as %q, %v", text, written, back.A, err)
		}
	})
}

// A group that is not what it looks like is no example.
func TestRBACNamesAGroupThatCanBeRead(t *testing.T) {
	got := Sight{User: "u", Groups: []string{"", "a\u202eb", "developers"}}.RBAC()
	if !strings.Contains(got, "kind: Group\n  name: developers\n") {
		t.Error(got)
	}
}

// The page shows what is printed.
func TestPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/setup.md")
	if err != nil {
		t.Fatal(err)
	}
	server := Server{
		Issuer: "https://issuer.example.com", Audience: "kubernetes",
		Username: Mapping{"sub", "oidc:"}, Groups: Mapping{"groups", "oidc:"},
	}
	user := User("issuer.example.com", kubeconfig.Exec{
		APIVersion: "client.authentication.k8s.io/v1", Command: "kubecred", InteractiveMode: "IfAvailable",
		Args:        []string{"get-token", "--oidc-issuer-url=https://issuer.example.com", "--oidc-client-id=kubernetes", "--oidc-extra-scope=offline_access"},
		InstallHint: "kubecred is missing; see https://github.com/kubecred/kubecred",
	})
	for _, text := range []string{server.AuthenticationConfiguration(), Kuberc("/usr/local/bin/kubecred"), user} {
		if !strings.Contains(strings.ReplaceAll(string(page), "\r\n", "\n"), "```yaml\n"+text+"```\n") {
			t.Errorf("docs/setup.md does not show\n%s", text)
		}
	}
}

func TestSeesCertificates(t *testing.T) {
	for _, bad := range []string{"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if got := SeeCertificate(bad); got.User != "" || len(got.Refused) != 1 {
			t.Errorf("%q is %+v", bad, got)
		}
	}
}
