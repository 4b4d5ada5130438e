package oidctest

// The pages a person sees: sign in with #username and #sign-in, approve a
// device with #user-code and #approve, and the form that posts itself back
// (OAuth 2.0 Form Post Response Mode). A form's id tells Browser what it is.

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// Ids of the forms.
const (
	formSignIn = "oidctest-sign-in"
	formDevice = "oidctest-device"
	formPost   = "oidctest-form-post"
)

const pageHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>oidctest</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}label{display:block}</style>
</head><body>
`

// page sends HTML.
func page(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprint(w, pageHead, body, "</body></html>\n")
}

// refusalPage tells the person what cannot be told to the client.
func (c *call) refusalPage(why string) {
	page(c.w, http.StatusBadRequest, "<h1>This cannot be done</h1><p>"+html.EscapeString(why)+"</p>\n")
}

// signInPage asks who is there.
func (p *Provider) signInPage(c *call, req authRequest) {
	user, _ := c.cfg.whoSignsIn(req.form.Get("login_hint"))
	page(c.w, http.StatusOK, fmt.Sprintf(`<h1>Sign in to %s</h1>
<form id="%s" method="post" action="%s">
<label>User name <input id="username" name="username" value="%s" autofocus></label>
<button id="sign-in" name="decision" value="approve">Sign in</button>
<button id="deny" name="decision" value="deny">Cancel</button>
</form>
`, html.EscapeString(req.client.ID), formSignIn,
		html.EscapeString(p.endpoint(pathSignIn)+"?"+req.form.Encode()),
		html.EscapeString(user.PreferredUsername)))
}

// devicePage asks whether a device may sign in.
func (p *Provider) devicePage(c *call, userCode, note string) {
	user, _ := c.cfg.whoSignsIn("")
	page(c.w, http.StatusOK, fmt.Sprintf(`<h1>Connect a device</h1>
<p id="note">%s</p>
<form id="%s" method="post" action="%s">
<label>Code <input id="user-code" name="user_code" value="%s"></label>
<label>User name <input id="username" name="username" value="%s"></label>
<button id="approve" name="decision" value="approve">Approve</button>
<button id="deny" name="decision" value="deny">Cancel</button>
</form>
`, html.EscapeString(note), formDevice, html.EscapeString(p.endpoint(pathVerify)),
		html.EscapeString(userCode), html.EscapeString(user.PreferredUsername)))
}

// formPostPage posts an answer back to the client.
func formPostPage(w http.ResponseWriter, redirect string, answer url.Values) {
	var fields strings.Builder
	for name, values := range answer {
		for _, v := range values {
			fmt.Fprintf(&fields, "<input type=\"hidden\" name=\"%s\" value=\"%s\">\n", html.EscapeString(name), html.EscapeString(v))
		}
	}
	page(w, http.StatusOK, fmt.Sprintf(`<form id="%s" method="post" action="%s">
%s<noscript><button>Go on</button></noscript>
</form><script>document.forms[0].submit()</script>
`, formPost, html.EscapeString(redirect), fields.String()))
}
