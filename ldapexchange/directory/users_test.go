package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/kubecred/kubecred/internal/secret"
)

// Hashes are dear, and with the race detector many times as dear. Those of a
// file must be: TestUsersOfAFile has them at real parameters. The other tests
// have cheapCost.
const cheapCost = bcrypt.MinCost

func bcryptOf(t testing.TB, password string) string {
	t.Helper()
	text, err := bcrypt.GenerateFromPassword([]byte(password), minBcrypt)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func argonOf(password string) string {
	salt := []byte("0123456789abcdef")
	key := argon2.IDKey([]byte(password), salt, 1, minArgonMemory, 1, 32)
	return argonText(minArgonMemory, 1, 1, salt, key)
}

func argonText(memory, rounds, threads int, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, rounds, threads, b64(salt), b64(key))
}

func openUsers(t testing.TB, content string) (*Users, string, *[]error) {
	t.Helper()
	path := write(t, "users.yaml", content)
	told := new([]error)
	u, err := OpenUsers(path, func(err error) { *told = append(*told, err) })
	if err != nil {
		t.Fatal(err)
	}
	return u, path, told
}

func TestUsersOfAFile(t *testing.T) {
	u, _, _ := openUsers(t, fmt.Sprintf(`# who may in
users:
- name: alice
  passwordHash: %s
  email: alice@corp.example
  groups: [ops, developers, ops]
- {name: Bob, passwordHash: "%s"}
- name: carol
  passwordHash: %s
  disabled: true
`, bcryptOf(t, alicePass), argonOf("bob's password"), argonOf("carol's password")))
	want := Identity{ID: "alice", Name: "alice", Email: "alice@corp.example", Groups: []string{"developers", "ops"}}
	for _, typed := range []string{"alice", " ALICE "} {
		if who, err := login(t, u, typed, alicePass); err != nil || !reflect.DeepEqual(who, want) {
			t.Errorf("%q: %+v, %v", typed, who, err)
		}
	}
	if who, err := login(t, u, "bob", "bob's password"); err != nil || who.Name != "Bob" || who.ID != "Bob" {
		t.Errorf("%+v, %v", who, err)
	}
	for name, password := range map[string]string{"alice": wrongPass, "nobody": alicePass, "carol": wrongPass, "bob": "bob's password "} {
		_, err := login(t, u, name, password)
		wants(t, err, ErrCredentials)
	}
	_, err := login(t, u, "carol", "carol's password")
	wantsReason(t, err, Disabled)
	if who, err := u.Lookup(t.Context(), "alice"); err != nil || !reflect.DeepEqual(who, want) {
		t.Errorf("%+v, %v", who, err)
	}
	_, err = u.Lookup(t.Context(), "carol")
	wantsReason(t, err, Disabled)
	for _, id := range []string{"", "ALICE", "dave"} {
		_, err = u.Lookup(t.Context(), id)
		wants(t, err, ErrGone)
	}
	for _, in := range [][2]string{{"", "x"}, {"alice", ""}, {"alice", "\x00"}, {"alice", strings.Repeat("x", 1<<20)}} {
		_, err := login(t, u, in[0], in[1])
		wants(t, err, ErrInput)
	}
	wants(t, errors.Join(u.Check(t.Context()), u.Close()), nil)
}

// What bcrypt does not look at is not overlooked.
func TestPasswordLongerThanBcryptReads(t *testing.T) {
	long := strings.Repeat("p", maxBcryptPassword)
	u, err := newUsers(cheapCost, MemoryUser{Name: "alice", Password: secret.New(long)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := login(t, u, "alice", long); err != nil {
		t.Error(err)
	}
	_, err = login(t, u, "alice", long+"x")
	wants(t, err, ErrCredentials)
}

func TestUsersInMemory(t *testing.T) {
	u, err := newUsers(cheapCost, MemoryUser{Name: "demo", Groups: []string{"b", "a"}, Password: secret.New("demo")})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := login(t, u, "demo", "demo"); err != nil || !reflect.DeepEqual(who, Identity{ID: "demo", Name: "demo", Groups: []string{"a", "b"}}) {
		t.Errorf("%+v, %v", who, err)
	}
	wants(t, errors.Join(u.Reload(), u.Check(t.Context())), nil)
	for _, users := range [][]MemoryUser{
		{{Name: "a", Password: secret.New("x")}, {Name: "A ", Password: secret.New("y")}},
		{{Name: "a"}}, {{Password: secret.New("x")}}, {{Name: "a", Password: secret.New(strings.Repeat("x", 73))}},
	} {
		if _, err := newUsers(cheapCost, users...); err == nil {
			t.Errorf("%+v are accepted", users)
		}
	}
	none, err := NewUsers()
	if err != nil {
		t.Fatal(err)
	}
	_, err = login(t, none, "alice", alicePass)
	wants(t, err, ErrCredentials)
	real, err := NewUsers(MemoryUser{Name: "demo", Password: secret.New("demo")})
	if err != nil || real.set.byName["demo"].hash.cost() < minBcrypt {
		t.Errorf("a cheap hash: %v", err)
	}
}

func TestBadFilesOfUsers(t *testing.T) {
	const good = fastHash
	key, salt := make([]byte, 32), make([]byte, 16)
	withHash := func(hash string) string { return "users:\n- name: alice\n  passwordHash: \"" + hash + "\"\n" }
	for content, want := range map[string]string{
		"":                                      "empty",
		"# nothing":                             "empty",
		"users: []":                             "no users",
		"users:\n- a: [b":                       "near line 1",
		"users: {}":                             "line 1: a list",
		"- alice":                               "line 1: keys and values",
		"users: []\n---\n{}":                    "one document",
		"people: []":                            "line 1: this key is unknown",
		"users: []\nusers: []":                  "line 2: this key is given twice",
		withHash(good) + "  canary-key: x\n":    "line 4: this key is unknown",
		withHash(good) + "  email: [x]\n":       "line 4: a text",
		withHash(good) + "  groups: [a, [b]]\n": "line 4: a text",
		withHash(good) + "  disabled: yes\n":    "line 4: true or false",
		withHash(good) + "  name: bob\n":        "line 4: this key is given twice",
		withHash(good) + "- name: ALICE\n  passwordHash: " + good:                  "line 4: a user of this name",
		"users:\n- name: alice\n":                                                  "line 2: a user needs",
		"users:\n- passwordHash: " + good:                                          "line 2: a user needs",
		"users:\n- name: \"a\\0b\"\n  passwordHash: " + good:                       "line 2: the text holds",
		"users: &a\n- *a\n":                                                        "line 2",
		withHash("canary-in-plain-text"):                                           "line 3: the passwordHash is no hash",
		withHash("$1$canary"):                                                      "line 3: the passwordHash is of a kind",
		withHash("$2x$10$" + good[7:]):                                             "line 3: the passwordHash is of a kind",
		withHash("$2y$05$" + good[7:]):                                             "line 3: the passwordHash has a bcrypt cost of 5; 10 to 15",
		withHash("$2y$31$" + good[7:]):                                             "cost of 31",
		withHash(good[:59]):                                                        "not a bcrypt hash",
		withHash(argonText(1<<20, 1, 1, salt, key)):                                "takes 1048576 KiB",
		withHash(argonText(64, 1, 1, salt, key)):                                   "takes 64 KiB",
		withHash(argonText(8192, 11, 1, salt, key)):                                "takes 11 rounds",
		withHash(argonText(8192, 0, 1, salt, key)):                                 "takes 0 rounds",
		withHash(argonText(8192, 1, 17, salt, key)):                                "takes 17 threads",
		withHash(argonText(8192, 1, 0, salt, key)):                                 "takes 0 threads",
		withHash(argonText(8192, 1, 1, salt[:7], key)):                             "too short",
		withHash(argonText(8192, 1, 1, salt, key[:15])):                            "too short",
		withHash(argonText(8192, 1, 1, salt, make([]byte, 65))):                    "too long",
		withHash("$argon2id$v=16$m=8192,t=1,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5a2V5a2V5"): "PHC",
		withHash("$argon2id$v=19$m=8192,t=1,p=1x$c2FsdHNhbHQ$a2V5"):                "PHC",
		withHash("$argon2id$v=19$m=99999999999,t=1,p=1$c2FsdHNhbHQ$a2V5"):          "PHC",
		withHash("$argon2i$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$a2V5"):                  "of a kind",
	} {
		_, err := OpenUsers(write(t, "users.yaml", content), nil)
		var config *ConfigError
		if !errors.As(err, &config) || !strings.Contains(config.Reason, want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
		clean(t, err, "")
		if err != nil && strings.Contains(err.Error(), good[8:]) {
			t.Errorf("the error holds a hash: %v", err)
		}
	}
	if _, err := OpenUsers("/does/not/exist", nil); err == nil {
		t.Error("a file that is not there is accepted")
	}
	if _, err := OpenUsers(write(t, "users.yaml", strings.Repeat("#", maxUsersFile+1)), nil); err == nil {
		t.Error("a huge file is accepted")
	}
}

// The file is read again when it changes; a bad one keeps the old users, is
// told once, and shows in Check.
func TestUsersReload(t *testing.T) {
	users := func(names ...string) string {
		text := "users:\n"
		for _, name := range names {
			text += "- {name: " + name + ", passwordHash: " + fastHash + "}\n"
		}
		return text
	}
	u, path, told := openUsers(t, users("alice"))
	put := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	has := func(name string, want bool) {
		t.Helper()
		if _, err := u.Lookup(t.Context(), name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	has("alice", true)
	put(users("alice", "bob"))
	has("bob", true)
	put(users("bob"))
	has("alice", false)
	if len(*told) != 2 || (*told)[0] != nil || (*told)[1] != nil {
		t.Errorf("told %v", *told)
	}
	put("users:\n- name: carol\n")
	has("bob", true)
	has("bob", true)
	if err := u.Check(t.Context()); err == nil || len(*told) != 3 || (*told)[2] == nil {
		t.Errorf("Check: %v; told %v", err, *told)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	has("bob", true)
	has("bob", true)
	if len(*told) != 4 || u.Check(t.Context()) == nil || u.Reload() == nil {
		t.Errorf("without a file: told %v", *told)
	}
	put(users("dave"))
	if err := u.Reload(); err != nil {
		t.Error(err)
	}
	has("dave", true)
	wants(t, u.Check(t.Context()), nil)
}

// fastHash is one of a password that nobody asks for here.
const fastHash = "$2y$10$abcdefghijklmnopqrstuuK5Zl2ZvLLUNjQ1wVBJr0OBp1T3TC6nK"

// counted is a hash that nobody has the password of, and its own decoy.
type counted struct{ times *int }

func (c counted) matches(string) bool { *c.times++; return false }
func (c counted) cost() int           { return 1 }

// An unknown user takes as long as a wrong password: one hash is computed either
// way.
func TestUnknownUserCostsOneHash(t *testing.T) {
	times := 0
	u := &Users{hashing: newHashing(), set: new(userSet)}
	if err := u.set.add(user{Identity: Identity{Name: "alice"}, hash: counted{&times}}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"alice", "nobody", "alice", "nobody"} {
		_, err := login(t, u, name, wrongPass)
		wants(t, err, ErrCredentials)
		if times != i+1 {
			t.Errorf("after %d logins %d hashes were computed", i+1, times)
		}
	}
}

// The dearest hash of a file is what an unknown user costs.
func TestDecoyCostsWhatTheDearestDoes(t *testing.T) {
	cheap, err := hashPassword(secret.New("x"), cheapCost)
	if err != nil {
		t.Fatal(err)
	}
	salt := make([]byte, minArgonSalt)
	dear := argonHash{memory: 64, time: 1, threads: 1, salt: salt, key: argon2.IDKey([]byte("x"), salt, 1, 64, 1, minArgonKey)}
	for _, order := range [][]hash{{cheap, dear}, {dear, cheap}} {
		set := new(userSet)
		for i, h := range order {
			if err := set.add(user{Identity: Identity{Name: fmt.Sprint(i)}, hash: h}); err != nil {
				t.Fatal(err)
			}
		}
		if set.decoy.cost() != dear.cost() || set.decoy.matches("x") {
			t.Errorf("the decoy %+v", set.decoy)
		}
	}
	if decoyOf(cheap).matches("x") || decoyOf(cheap).cost() != cheap.cost() {
		t.Error("the decoy of a bcrypt hash")
	}
	if _, err := bcrypt.Cost(decoyOf(cheap).(bcryptHash).text); err != nil {
		t.Error(err)
	}
}
