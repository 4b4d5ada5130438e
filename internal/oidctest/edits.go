package oidctest

// Edits change what a right provider would have said: the members of a JSON
// answer, the claims of a token, the parameters of a callback.

import (
	"net/http"
	"net/url"
	"slices"
)

// Edit changes every JSON answer of an endpoint, refusals too. Edits add up,
// in their order.
func Edit(e Endpoint, edit func(*Answer)) Option {
	return func(c *Config) {
		if c.edits == nil {
			c.edits = map[Endpoint][]func(*Answer){}
		}
		c.edits[e] = append(slices.Clip(c.edits[e]), edit)
	}
}

// Unedited takes the edits of an endpoint away.
func Unedited(e Endpoint) Option { return func(c *Config) { delete(c.edits, e) } }

// Set puts a member into an endpoint's answers of status 200. A json.Number
// writes any digits, a string puts a string where a number should be.
func Set(e Endpoint, member string, value any) Option {
	return Edit(e, func(a *Answer) {
		if a.Status == http.StatusOK {
			a.Body[member] = value
		}
	})
}

// Drop leaves members out of an endpoint's answers.
func Drop(e Endpoint, members ...string) Option {
	return Edit(e, func(a *Answer) {
		for _, m := range members {
			delete(a.Body, m)
		}
	})
}

// Rename gives a member another name in an endpoint's answers.
func Rename(e Endpoint, from, to string) Option {
	return Edit(e, func(a *Answer) {
		if value, ok := a.Body[from]; ok {
			delete(a.Body, from)
			a.Body[to] = value
		}
	})
}

// OnGrant limits a change of the token endpoint's answers to one grant.
func OnGrant(grant string, change func(*Answer)) Option {
	return Edit(Token, func(a *Answer) {
		if a.Grant == grant {
			change(a)
		}
	})
}

// EditClaims changes every ID token before it is signed; grant is the one it
// is issued for.
func EditClaims(edit func(grant string, claims map[string]any)) Option {
	return func(c *Config) { c.claims = append(c.claims, edit) }
}

// Claim sets a claim of every ID token; nil leaves it out.
func Claim(name string, value any) Option {
	return EditClaims(func(_ string, claims map[string]any) {
		if value == nil {
			delete(claims, name)
			return
		}
		claims[name] = value
	})
}

// EditRedirect changes the parameters of every callback, errors too.
func EditRedirect(edit func(url.Values)) Option {
	return func(c *Config) { c.redirects = append(c.redirects, edit) }
}

// SetRedirect sets a parameter of every callback; "" leaves it out.
func SetRedirect(name, value string) Option {
	return EditRedirect(func(v url.Values) {
		if value == "" {
			v.Del(name)
			return
		}
		v.Set(name, value)
	})
}

// SignWith signs tokens in another way.
func SignWith(how Signing) Option { return func(c *Config) { c.signing = how } }

// Honest takes the edits of claims, callbacks and signatures away.
func Honest() Option {
	return func(c *Config) { c.signing, c.claims, c.redirects = SignRight, nil, nil }
}
