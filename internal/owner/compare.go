package owner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubecred/kubecred/internal/selfreview"
)

const (
	// Anonymous is whom a server takes a request without a credential for.
	Anonymous = "system:anonymous"

	authenticated = "system:authenticated"
	credentialID  = "authentication.kubernetes.io/credential-id" // of a user's extra

	// A prefix of groups is looked for among so many of the credential's and of
	// the server's.
	sampleSaid, sampleSeen = 50, 500
)

// Comparison is what a credential says beside what a server made of it.
type Comparison struct {
	Name   Pair
	UID    Pair
	Groups []Pair // those on both sides first, then the credential's, then the server's
	// Why says of each difference where it comes from, in sentences.
	Why []string
}

// Pair is a text of the credential beside what the server has in its place.
// Either may be "".
type Pair struct{ Claim, Said, Seen string }

// Compare lays both sides beside each other.
func Compare(said Said, user selfreview.User) Comparison {
	var c Comparison
	switch {
	case user.Name == Anonymous:
		c.because("The server counts the request as anonymous: the credential was lost on the way.")
	case len(said.Names) == 0:
		c.because("The token is opaque: a file, a Secret or a webhook says whose it is.")
	}
	known := len(c.Why) == 0
	c.name(said, user, known)
	c.uid(said, user, known)
	c.groups(said, user, known)
	c.credential(said, user)
	return c
}

func (c *Comparison) because(format string, args ...any) {
	c.Why = append(c.Why, fmt.Sprintf(format, args...))
}

func (c *Comparison) name(said Said, user selfreview.User, known bool) {
	c.Name = match(said.Names, user.Name)
	if c.Name.Said == "" && len(said.Names) > 0 {
		c.Name.Claim, c.Name.Said = said.Names[0].Name, said.Names[0].Value
	}
	prefix, found := strings.CutSuffix(user.Name, c.Name.Said)
	switch {
	case !known:
	case !found:
		c.because("No claim holds this user name: an expression or a webhook makes it.")
	case said.Issuer != "" && prefix == said.Issuer+"#":
		c.because("The issuer and # stand before it: the API server's own, as no prefix is set.")
	case prefix != "":
		c.because("The cluster puts %s before the user name (claimMappings.username.prefix).", prefix)
	}
}

// match finds the claim that a server's text ends in: the same text if there is
// one, else the longest.
func match(names []Claim, seen string) Pair {
	best := Pair{Seen: seen}
	for _, n := range names {
		switch {
		case n.Value == "" || !strings.HasSuffix(seen, n.Value):
		case n.Value == seen:
			return Pair{n.Name, n.Value, seen}
		case len(n.Value) > len(best.Said):
			best.Claim, best.Said = n.Name, n.Value
		}
	}
	return best
}

func (c *Comparison) uid(said Said, user selfreview.User, known bool) {
	for _, n := range said.Names {
		if user.UID != "" && n.Value == user.UID {
			c.UID = Pair{n.Name, n.Value, user.UID}
			return
		}
	}
	c.UID.Seen = user.UID
	i := slices.IndexFunc(said.Names, func(n Claim) bool { return n.Name == "UID" })
	switch {
	case !known:
	case i >= 0:
		c.UID.Claim, c.UID.Said = "UID", said.Names[i].Value
		c.because("The server takes no UID from certificates (Kubernetes 1.33 and later can).")
	case user.UID != "":
		c.because("No claim holds the UID: an expression or a webhook makes it.")
	}
}

func (c *Comparison) groups(said Said, user selfreview.User, known bool) {
	from, prefix := source(said.Groups, user.Groups)
	seen := map[string]bool{}
	for _, group := range user.Groups {
		seen[group] = true
	}
	var missing []Pair
	for _, value := range from.Values {
		if group := prefix + value; seen[group] {
			c.Groups = append(c.Groups, Pair{from.Name, value, group})
			delete(seen, group)
		} else if value != "" {
			missing = append(missing, Pair{from.Name, value, ""})
		}
	}
	taken := len(c.Groups)
	c.Groups = append(c.Groups, missing...)
	added := 0
	for _, group := range user.Groups {
		if !seen[group] {
			continue
		}
		delete(seen, group)
		c.Groups = append(c.Groups, Pair{Seen: group})
		if group != authenticated {
			added++
		}
	}
	if known {
		c.groupsWhy(prefix, taken, len(missing), added)
	}
	if slices.Contains(user.Groups, authenticated) {
		c.because("The server adds %s to everybody whom it knows.", authenticated)
	}
}

func (c *Comparison) groupsWhy(prefix string, taken, missing, added int) {
	if taken > 0 && prefix != "" {
		c.because("The cluster puts %s before groups (claimMappings.groups.prefix).", prefix)
	}
	switch {
	case missing > 0 && taken > 0:
		c.because("The server left %s out: an expression may choose among them.", many(missing))
	case missing > 0:
		c.because("The server took no group: the cluster maps another claim, or none.")
	}
	if added > 0 {
		c.because("No claim holds %s of the server's: an expression or a webhook adds them.", many(added))
	}
}

// source finds the list that the server's groups come from and what it puts
// before them: the list and the prefix that explain the most of them, else the
// usual list.
func source(lists []Claims, seen []string) (from Claims, prefix string) {
	if len(lists) > 0 {
		from = lists[0]
	}
	most := 0
	for _, list := range lists {
		votes := map[string]int{}
		for _, value := range list.Values[:min(len(list.Values), sampleSaid)] {
			for _, group := range seen[:min(len(seen), sampleSeen)] {
				if p, ok := strings.CutSuffix(group, value); ok && value != "" && group != authenticated {
					votes[p]++
				}
			}
		}
		for p, n := range votes {
			if n > most || n == most && from.Name == list.Name && better(p, prefix) {
				from, prefix, most = list, p, n
			}
		}
	}
	return from, prefix
}

// better prefers the shorter of two prefixes that explain as much.
func better(p, than string) bool { return len(p) < len(than) || len(p) == len(than) && p < than }

// credential tells of a server that saw another credential than was sent: a
// proxy's own, say.
func (c *Comparison) credential(said Said, user selfreview.User) {
	ids := user.Extra[credentialID]
	if said.ID == "" || len(ids) == 0 || slices.Contains(ids, said.ID) {
		return
	}
	c.because("The server saw another credential: something in between signs in by itself.")
}

func many(n int) string {
	if n == 1 {
		return "a group"
	}
	return fmt.Sprintf("%d groups", n)
}
