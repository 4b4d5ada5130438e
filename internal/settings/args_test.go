package settings

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What is written reads as what was given, for a flag of every kind.
func TestArgsMeanTheSame(t *testing.T) {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ given, lasting, once []string }{
		"nothing":        {nil, nil, nil},
		"text":           {[]string{"--oidc-issuer-url", "https://issuer.example"}, []string{"--oidc-issuer-url=https://issuer.example"}, nil},
		"empty":          {[]string{"--oidc-issuer-url="}, nil, nil},
		"words":          {[]string{"--oidc-extra-scope=email,groups", "--oidc-extra-scope", "a b"}, []string{"--oidc-extra-scope=email,groups,a b"}, nil},
		"commas":         {[]string{`--oidc-extra-scope="a,b",c`}, []string{`--oidc-extra-scope="a,b",c`}, nil},
		"a path":         {[]string{"--certificate-authority=ca.pem"}, []string{"--certificate-authority=" + filepath.Join(folder, "ca.pem")}, nil},
		"a path at home": {[]string{"--token-cache-dir=~/x"}, []string{"--token-cache-dir=" + filepath.Join("HOME", "x")}, nil},
		"pairs": {
			[]string{`--oidc-auth-request-extra-params=b=1,2`, `--oidc-auth-request-extra-params=claims={"id_token":{"groups":null}}`, `--oidc-auth-request-extra-params="c=x=y,""z"""`},
			[]string{`--oidc-auth-request-extra-params=b=1,2`, `--oidc-auth-request-extra-params="c=x=y,""z"""`, `--oidc-auth-request-extra-params=claims={"id_token":{"groups":null}}`}, nil,
		},
		"toggles":  {[]string{"--skip-open-browser", "--oidc-use-access-token=false"}, []string{"--oidc-use-access-token=false", "--skip-open-browser"}, nil},
		"a number": {[]string{"--authentication-timeout-sec=60"}, []string{"--authentication-timeout-sec=60"}, nil},
		"for once": {
			[]string{"--force-refresh", "-v1", "--password=p", "--oidc-client-secret=s", "--oidc-request-header=A=b", "--exec-api-version=v1", "--username=u"},
			[]string{"--username=u"},
			[]string{"--oidc-client-secret=s", "--oidc-request-header=A=b", "--force-refresh", "--password=p", "--exec-api-version=v1", "--v=1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := &Files{Home: "HOME"}
			given := args(t, c.given...)
			lasting, once, err := given.Args(files)
			if err != nil || !slices.Equal(lasting, c.lasting) || !slices.Equal(once, c.once) {
				t.Fatalf("%q and %q, %v", lasting, once, err)
			}
			again := args(t, append(lasting, once...)...)
			if strings.Contains(name, "path") {
				return // which are not as they were given, on purpose
			}
			if got, want := again.layer(FromFlag).values, given.layer(FromFlag).values; !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, not %+v", got, want)
			}
		})
	}
	if _, _, err := args(t, "--certificate-authority=~other/ca.pem").Args(&Files{}); err == nil || !strings.Contains(err.Error(), "--certificate-authority") {
		t.Error(err)
	}
}
