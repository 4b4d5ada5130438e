package server

// From the directory's names to a cluster's.

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// account is an Identity as clusters know it.
type account struct {
	id, name, email string
	groups          []string // sorted, each once
	dropped         int      // groups that may not be told
}

// maxGroupName is in bytes. A longer one is no group's name.
const maxGroupName = 1024

// account applies the rules. A name that may not be used refuses the sign-in.
// A group that may not be used is left out: who administers a group must not be
// able to keep its members out.
func (n Names) account(who Identity) (account, *refusal) {
	a := account{id: who.ID, name: who.Name, email: who.Email}
	if n.Lowercase {
		a.name = strings.ToLower(a.name)
	}
	a.name = n.UserPrefix + a.name
	switch {
	case !sound(a.name, maxName+len(n.UserPrefix)):
		return account{}, reserved("the account's name cannot be used: ask your administrator")
	case isSystem(a.name) && !n.InsecureAllowSystem:
		return account{}, reserved("names that begin with system: are reserved: ask your administrator")
	}
	for _, group := range who.Groups {
		if n.KeepGroup != nil && !n.KeepGroup(group) {
			continue
		}
		group = n.GroupPrefix + group
		if !sound(group, maxGroupName) || isSystem(group) && !n.InsecureAllowSystem {
			a.dropped++
			continue
		}
		a.groups = append(a.groups, group)
	}
	slices.Sort(a.groups)
	a.groups = slices.Compact(a.groups)
	if n.MaxGroups > 0 && len(a.groups) > n.MaxGroups {
		return account{}, tooBig(fmt.Sprintf("you are in %d groups and the exchange takes %d: ask its administrator to filter groups", len(a.groups), n.MaxGroups))
	}
	return a, nil
}

// Known is how clusters would know somebody, for whoever tries a configuration.
// Its error says why they would not.
func (n Names) Known(who Identity) (name string, groups []string, err error) {
	a, r := n.account(who)
	if r != nil {
		return "", nil, errors.New(r.description)
	}
	return a.name, a.groups, nil
}

// isSystem reports whether Kubernetes keeps a name for itself.
func isSystem(name string) bool { return strings.HasPrefix(name, "system:") }

// sound reports whether a name can stand in a token, a certificate and a line
// of a log.
func sound(name string, limit int) bool {
	return name != "" && len(name) <= limit && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

func reserved(description string) *refusal { return denied("reserved name", description) }

// tooBig is 4xx, since clients show the text of no 5xx; and it is no
// invalid_grant, since the session is good.
func tooBig(description string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_request", description: description, reason: "too many groups"}
}
