package main

// A stand-in for kubecred: this test binary under another name. It signs in as
// plainly as can be and caches in one file, and under some names it does one
// thing wrong, so that the demonstration can be seen to fail.

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/kubecred/kubecred/internal/oidctest"
)

const standinPrefix = "standin-"

func TestMain(m *testing.M) {
	if mode, ok := strings.CutPrefix(filepath.Base(os.Args[0]), standinPrefix); ok {
		if err := standin(mode, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if oidctest.IsBrowser() {
		os.Exit(oidctest.BrowserMain(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// standinFlags are the values of --name=value arguments, the last of each.
func standinFlags(args []string) map[string]string {
	flags := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		flags[name] = value
	}
	return flags
}

func standin(mode string, args []string) error {
	flags := standinFlags(args)
	file := filepath.Join(flags["token-cache-dir"], "entry")
	out, err := os.ReadFile(file)
	hit := err == nil
	switch {
	case mode == "failing":
		return fmt.Errorf("the stand-in fails")
	case hit && mode == "noisy":
		fmt.Fprintln(os.Stderr, "using the cache")
	case hit && mode == "asking":
		if _, err := oidc.NewProvider(context.Background(), flags["oidc-issuer-url"]); err != nil {
			return err
		}
	case hit && mode == "forgetful":
		hit = false
	}
	if !hit {
		if out, err = standinLogin(mode, flags); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, out, 0o600); err != nil {
			return err
		}
	}
	if mode == "chatty" {
		fmt.Println("here you are:")
	}
	_, err = os.Stdout.Write(out)
	return err
}

// standinLogin signs in and makes the credential.
func standinLogin(mode string, flags map[string]string) ([]byte, error) {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, flags["oidc-issuer-url"])
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", flags["listen-address"])
	if err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams // to detect it asks twice
	config := &oauth2.Config{
		ClientID:    flags["oidc-client-id"],
		Endpoint:    endpoint,
		RedirectURL: "http://" + listener.Addr().String(),
		Scopes:      []string{"openid", "profile", "email", "groups"},
	}
	verifier := oauth2.GenerateVerifier()
	codes, done := make(chan string, 1), make(chan struct{})
	status := http.StatusOK
	if mode == "unwelcoming" {
		status = http.StatusInternalServerError
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "0") // whole, though the process ends
		w.WriteHeader(status)
		w.(http.Flusher).Flush()
		codes <- r.FormValue("code")
		<-done
	}))
	defer close(done)
	browser := exec.Command(flags["browser-command"], config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	if err := browser.Start(); err != nil {
		return nil, err
	}
	tokens, err := config.Exchange(ctx, <-codes, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	out, err := json.Marshal(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1",
		"kind":       "ExecCredential",
		"status":     map[string]any{"token": tokens.Extra("id_token"), "expirationTimestamp": tokens.Expiry.UTC().Format(time.RFC3339)},
	})
	return append(out, '\n'), err
}
