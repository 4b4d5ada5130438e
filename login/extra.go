package login

// Extra parameters come from a configuration that someone else may have
// written. They may tell the provider more; they may not change what this
// package checks the answer by.

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// checkExtra refuses a parameter that is ours to set.
func checkExtra(name, value string) error {
	switch name {
	case "":
		return &ConfigError{"extra parameters", "one has no name"}
	case "state", "nonce", "code_challenge", "code_challenge_method", "code_verifier",
		"client_id", "client_secret", "client_assertion", "client_assertion_type",
		"redirect_uri", "response_type", "scope", "grant_type", "code",
		"username", "password", "refresh_token", "device_code",
		// A request object would bring its own of all of these (RFC 9101).
		"request", "request_uri":
		return &ConfigError{"extra parameters", fmt.Sprintf("%s may not be set", name)}
	case "response_mode":
		// The others put the code where the listener cannot read it.
		if value != "query" && value != formPost {
			return &ConfigError{"extra parameters", "response_mode may only be query or " + formPost}
		}
	}
	return nil
}

// addExtra puts the extra parameters into form, where they win over what is
// merely our default and was put there before.
func (c *Client) addExtra(form url.Values) {
	for name, value := range c.cfg.ExtraParams {
		form.Set(name, value)
	}
}

// maxAge is the extra parameter max_age: how long ago, at most, the person
// typed their password (OpenID Connect Core 1.0, section 3.1.2.1).
func (c Config) maxAge() (age time.Duration, asked bool, err error) {
	raw, asked := c.ExtraParams["max_age"]
	if !asked {
		return 0, false, nil
	}
	n, err := strconv.ParseInt(raw, 10, 32)
	if err != nil || n < 0 {
		return 0, false, &ConfigError{"extra parameters", "max_age is not a number of seconds"}
	}
	return time.Duration(n) * time.Second, true, nil
}
