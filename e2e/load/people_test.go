package load

import (
	"fmt"
	"sync"
	"testing"

	"github.com/kubecred/kubecred/e2e/internal/load"
	"github.com/kubecred/kubecred/internal/ldaptest"
)

const (
	base     = "dc=corp,dc=example"
	password = "canary-user-passw0rd"
)

// people are a directory in this process, at an address that may be another's, which passes it on.
func people(t *testing.T, n int) *ldaptest.Server {
	t.Helper()
	d := ldaptest.Start(t, ldaptest.Entry{DN: base, Attributes: map[string][]string{"objectClass": {"domain"}}})
	for i := range n {
		d.Add(ldaptest.Entry{DN: "uid=" + person(i) + "," + base, Password: password, Attributes: map[string][]string{
			"objectClass": {"inetOrgPerson"}, "uid": {person(i)}, "mail": {person(i) + "@corp.example"}, "entryUUID": {fmt.Sprint("uuid-", i)},
		}})
	}
	return d
}

func person(i int) string { return fmt.Sprintf("person%d", i) }

// asking are an exchange's options for the directory d at an address.
func asking(d *ldaptest.Server, address string) load.Options {
	return load.Options{
		Algorithm: "ES256",
		Directory: fmt.Sprintf("ldap: {preset: groupOfNames, urls: [%q], caFile: ldap.pem, userBase: %q, groups: {mode: none}, connectTimeout: 500ms, requestTimeout: 500ms}",
			"ldaps://"+address, base),
		Files: map[string][]byte{"ldap.pem": d.CA},
	}
}

// together does something for each of n, at most so many at a time, and reports what failed.
func together(t *testing.T, n, atOnce int, do func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if err := do(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	all.Wait()
}
