package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubecred/kubecred/internal/ldaptest"
)

const servicePassword = "canary-service-password"

// withLDAP puts a directory of two in the users file's place.
func (h *house) withLDAP() *ldaptest.Server {
	h.t.Helper()
	s := ldaptest.New(h.t,
		ldaptest.Entry{DN: "dc=corp", Attributes: map[string][]string{"objectClass": {"domain"}}},
		ldaptest.Entry{DN: "cn=service,dc=corp", Password: servicePassword},
		ldaptest.Entry{DN: "uid=alice,dc=corp", Password: h.password.Reveal(), Attributes: map[string][]string{
			"objectClass": {"inetOrgPerson"}, "uid": {"Alice"}, "mail": {"alice@corp.example"}, "entryUUID": {"0d1c-1"},
		}},
		ldaptest.Entry{DN: "cn=admins,dc=corp", Attributes: map[string][]string{
			"objectClass": {"groupOfNames"}, "cn": {"admins"}, "member": {"uid=alice,dc=corp"},
		}},
		ldaptest.Entry{DN: "cn=k8s-dev,dc=corp", Attributes: map[string][]string{
			"objectClass": {"groupOfNames"}, "cn": {"k8s-dev"}, "member": {"uid=alice,dc=corp"},
		}},
	)
	const noSuchObject = 32
	s.Answer = func(r *ldaptest.Request) *ldaptest.Answer {
		if r.Operation == ldaptest.Search && r.Base == "dc=other" {
			return &ldaptest.Answer{Code: noSuchObject}
		}
		return nil
	}
	s.Serve(h.t)
	h.write("ldap.pem", string(s.CA))
	h.write("bind.password", servicePassword+"\n")
	h.edit("directory: {usersFile: users.yaml}", fmt.Sprintf(`directory:
  ldap:
    preset: groupOfNames
    urls: [ldaps://%s]
    caFile: ldap.pem
    bindDN: cn=service,dc=corp
    bindPasswordFile: bind.password
    userBase: dc=corp
    groups: {base: dc=corp}
    connectTimeout: 2s
identity: {prefix: "corp:", groups: ["k8s-*"]}`, s.Address))
	return s
}

func TestCheckTellsWhatItFound(t *testing.T) {
	h := newHouse(t)
	s := h.withLDAP()
	out := h.must("check", "--user", "ALICE")
	for _, want := range []string{
		"names 1 client and 1 cluster",
		"will be made",
		"the first start makes one",
		"its API server shows a token; the audience is kubernetes",
		"for 1h each; the authority ends on",
		"ldaps://" + s.Address,
		"connected, TLS verified, bound as cn=service,dc=corp, found dc=corp",
		"Alice, with the ID 0d1c-1 and the mail address alice@corp.example",
		"2 groups in the directory: admins, k8s-dev",
		"user corp:alice, 1 group: k8s-dev",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	for _, made := range []string{"state", "keys"} {
		if _, err := os.Stat(h.at(made)); err == nil {
			t.Errorf("check made %s", made)
		}
	}
	h.serve()
	if got := h.login(); claim(t, got.ID, "preferred_username") != "corp:alice" {
		t.Error("the service does not do what check says")
	}
	if out := h.must("check"); !strings.Contains(out, "is open in a service that runs") || !strings.Contains(out, "1 key; ") {
		t.Errorf("while the service runs:\n%s", out)
	}
}

// Each row spoils one thing; check names it, says what to do, and goes on.
func TestCheckTellsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(*house, *ldaptest.Server)
		status  int
		checked string
		want    string
	}{
		"the configuration": {func(h *house, _ *ldaptest.Server) { h.edit("clients:\n", "clients:\n- idd: x\n") }, exitConfig, "configuration", "clients[0].idd: is not known"},
		"the host":          {func(h *house, s *ldaptest.Server) { s.Close() }, exitNetwork, "ldaps://", "check the host's name and port"},
		"the authority":     {func(h *house, _ *ldaptest.Server) { h.write("ldap.pem", string(h.ca)) }, exitNetwork, "ldaps://", "check caFile and serverName"},
		"the password":      {func(h *house, _ *ldaptest.Server) { h.write("bind.password", "canary-other\n") }, exitDenied, "ldaps://", "check bindDN and bindPasswordFile"},
		"no password":       {func(h *house, _ *ldaptest.Server) { os.Remove(h.at("bind.password")) }, exitConfig, "ldaps://", "check bindDN and bindPasswordFile"},
		"an open password": {func(h *house, _ *ldaptest.Server) {
			if err := os.Chmod(h.at("bind.password"), 0o644); err != nil {
				h.t.Fatal(err)
			}
		}, exitConfig, "ldaps://", "check bindDN and bindPasswordFile"},
		"the base":   {func(h *house, _ *ldaptest.Server) { h.edit("userBase: dc=corp", "userBase: dc=other") }, exitDenied, "ldaps://", "check userBase"},
		"the filter": {func(h *house, _ *ldaptest.Server) { h.edit("userBase:", "userFilter: (uid={name}\n    userBase:") }, exitConfig, "ldaps://", "directory.ldap.userFilter: is not an LDAP filter"},
		"the user":   {func(h *house, s *ldaptest.Server) { s.Remove("uid=alice,dc=corp") }, exitDenied, "user", "the directory has nobody of that name"},
		"the groups": {func(h *house, _ *ldaptest.Server) { h.edit("k8s-*", "none-*") }, 0, "as clusters see it", "no group passes the filter"},
		"the server": {func(h *house, _ *ldaptest.Server) {
			h.edit("issuer: https://127.0.0.1", "issuer: https://exchange.example.com")
		}, exitConfig, "server certificate", "have one issued that names exchange.example.com"},
		"its key": {func(h *house, _ *ldaptest.Server) { h.write("tls.key", readFile(h.t, h.at("clients.key"))) }, exitConfig, "server certificate", "listen.keyFile"},
		"an open key": {func(h *house, _ *ldaptest.Server) {
			if err := os.Chmod(h.at("tls.key"), 0o644); err != nil {
				h.t.Fatal(err)
			}
		}, exitConfig, "server certificate", "for the service's user alone"},
		"a caller":     {func(h *house, _ *ldaptest.Server) { h.write("caller", "") }, exitConfig, "cluster dev", "put one line into the file"},
		"an authority": {func(h *house, _ *ldaptest.Server) { h.write("clients.crt", readFile(h.t, h.at("tls.crt"))) }, exitConfig, "certificates for dev", "name an authority's certificate and key"},
		"the keys": {func(h *house, _ *ldaptest.Server) {
			if err := os.Mkdir(h.at("keys"), 0o700); err != nil {
				h.t.Fatal(err)
			}
			h.write("keys/bad.pem", "canary-key")
		}, exitConfig, "signing keys", "bad.pem"},
		"the state": {func(h *house, _ *ldaptest.Server) {
			if err := os.Mkdir(h.at("state"), 0o755); err != nil {
				h.t.Fatal(err)
			}
		}, exitConfig, "state", "(0600) and its folder (0700)"},
		"the state's place": {func(h *house, _ *ldaptest.Server) { h.edit("state/state.db", "none/state/state.db") }, exitConfig, "state", "make the folder above"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			c.spoil(h, h.withLDAP())
			status, stdout, stderr := h.command("check", "--user", "alice")
			if status != c.status {
				t.Errorf("status %d, not %d", status, c.status)
			}
			if !strings.Contains(stdout, c.checked) || !strings.Contains(stdout, c.want) || strings.Contains(stdout+stderr, "canary") {
				t.Errorf("%q, %q: got\n%s%s", c.checked, c.want, stdout, stderr)
			}
			if (status != 0) != strings.Contains(stderr, "\nhint: ") {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

// A service account that is refused is refused once: the next server would
// count it as well.
func TestCheckLocksNobodyOut(t *testing.T) {
	h := newHouse(t)
	first := h.withLDAP()
	second := ldaptest.Start(t)
	h.edit("urls: [", "urls: [ldaps://"+first.Address+", ldaps://"+second.Address+", ")
	h.write("bind.password", "canary-wrong")
	if status, _, _ := h.command("check", "--user", "alice"); status == 0 {
		t.Error("it works")
	}
	if n := len(first.Requests(ldaptest.Bind)) + len(second.Requests(ldaptest.Bind)); n != 1 {
		t.Errorf("%d binds were sent", n)
	}
}

func TestCheckForScripts(t *testing.T) {
	h := newHouse(t)
	h.write("caller", "")
	status, stdout, _ := h.command("check", "-o", "json", "--user", devUser)
	var all []struct{ Checked, Result, Found, Do string }
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || status != exitConfig {
		t.Fatalf("status %d, %v:\n%s", status, err, stdout)
	}
	results := map[string]string{}
	for _, one := range all {
		results[one.Checked] = one.Result
		if (one.Result == "ok") != (one.Do == "") {
			t.Errorf("%+v", one)
		}
	}
	if results["cluster dev"] != "failed" || results["users file"] != "ok" || results["user"] != "ok" {
		t.Errorf("%v", results)
	}
}

func TestCheckNamesInsecureSettings(t *testing.T) {
	h := newHouse(t)
	h.withLDAP()
	h.edit("    connectTimeout", "    insecureSkipVerify: true\n    connectTimeout")
	h.edit("callers: {tokenFile: caller}", "callers: {insecureAnyone: true}")
	out := h.must("check")
	for _, want := range []string{"directory.ldap.insecureSkipVerify is set", "anyone may ask for reviews", "TLS, unverified"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestBindPasswordCommand(t *testing.T) {
	h := newHouse(t)
	h.withLDAP()
	script := filepath.Join(h.folder, "print")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho "+servicePassword+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.edit("bindPasswordFile: bind.password", "bindPasswordCommand: ["+script+"]")
	h.must("check")
	h.edit(script, script+", x, y")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho canary; exit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status, stdout, stderr := h.command("check"); status == 0 || strings.Contains(stdout+stderr, "canary") {
		t.Errorf("status %d\n%s%s", status, stdout, stderr)
	}
}
