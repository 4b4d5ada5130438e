package settings

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

// What settings cost a call that is served from the cache: flags, one look for
// a policy that is not there, the identity.
func BenchmarkHit(b *testing.B) {
	files := SystemFiles()
	files.Policy = filepath.Join(b.TempDir(), "policy.yaml")
	benchmark(b, files)
}

// The same where an administrator wrote a policy.
func BenchmarkHitWithPolicy(b *testing.B) {
	files := SystemFiles()
	files.Policy = filepath.Join(b.TempDir(), "policy.yaml")
	content := "issuers: [https://issuer.example]\ntoken-cache-storage: keyring\ndeny-insecure: true\n"
	if err := os.WriteFile(files.Policy, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	files.check = func(*os.File, fs.FileInfo, writer) error { return nil } // it need not be root's here
	benchmark(b, files)
}

func benchmark(b *testing.B, files *Files) {
	b.ReportAllocs()
	for b.Loop() {
		set := pflag.NewFlagSet("get-token", pflag.ContinueOnError)
		flags := AddFlags(set)
		if err := set.Parse([]string{issuerFlag, clientFlag, "--oidc-extra-scope=email"}); err != nil {
			b.Fatal(err)
		}
		s, err := Resolve(Input{Flags: flags, Variable: os.Getenv, Files: files})
		if err != nil {
			b.Fatal(err)
		}
		if len(s.Identity()) == 0 {
			b.Fatal("no identity")
		}
	}
}
