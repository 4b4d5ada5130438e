// Package oidctest is an OpenID Provider that runs inside a test, and inside
// the demonstration.
//
// Left alone it is correct and strict: it refuses what a careful provider
// refuses (a redirect that is not registered, a wrong verifier, a code used
// twice, a rotated refresh token used again) and says so in the standard's
// words. Everything it can do wrong is an Option, given to Start or, while it
// runs, to Apply:
//
//	p := oidctest.Start(t, oidctest.AlwaysRefresh())
//	…
//	p.Apply(oidctest.Break(oidctest.Token, oidctest.Nth(1, oidctest.LostResponse())))
//
// Three kinds of option spoil an answer, from the outside in: a Fault takes
// the place of an endpoint's HTTP answer (Break), an edit changes the JSON it
// would have sent (Edit), and a claims hook changes a token before it is
// signed (EditClaims). The Journal (Count, CountGrant, Requests, Await) tells
// what arrived, so that a test waits for events and never for the clock.
//
// The guarantee ends at correctness: it keeps everything in memory, never
// forgets, believes any user name typed on its page, and MUST NOT be reachable
// from anywhere but the loopback interface.
package oidctest
