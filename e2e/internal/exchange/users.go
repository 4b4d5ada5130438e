package exchange

import (
	"encoding/json"
	"os"
	"slices"

	"golang.org/x/crypto/bcrypt"
)

// Password is everybody's in the file of users.
const Password = " correct: horse battery stäple "

// User is one in the file.
type User struct {
	Name     string   `json:"name"`
	Email    string   `json:"email,omitempty"`
	Groups   []string `json:"groups,omitempty"`
	Hash     string   `json:"passwordHash"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Put adds a user to the file, or changes one. A running exchange reads it before its next question.
func (x *Exchange) Put(u User) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if u.Hash == "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.DefaultCost)
		if err != nil {
			return err
		}
		u.Hash = string(hash)
	}
	x.users = slices.DeleteFunc(x.users, func(old User) bool { return old.Name == u.Name })
	x.users = append(x.users, u)
	return x.writeUsers()
}

// writeUsers replaces the file whole. JSON is YAML too.
func (x *Exchange) writeUsers() error {
	text, err := json.Marshal(map[string]any{"users": x.users})
	if err != nil {
		return err
	}
	if err := os.WriteFile(x.path("users.new"), text, 0o600); err != nil {
		return err
	}
	return os.Rename(x.path("users.new"), x.path("users.yaml"))
}
