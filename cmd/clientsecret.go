package cmd

// A client's secret that lay in a kubeconfig is sealed as an entry of its own.
// Its name is a hash of the issuer, the client and whom that client trusts
// (settings.ClientIdentity): a kubeconfig that names another issuer, or an
// authority of its own, asks for another entry and finds none. A session cannot
// hold it: it ends, and the next sign-in needs the secret again.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/kubecred/kubecred/cache"
	"github.com/kubecred/kubecred/internal/secret"
	"github.com/kubecred/kubecred/internal/settings"
)

// clientSecret is what is sealed of it.
type clientSecret struct {
	Client *clientOf `json:"clientSecret"`
}

type clientOf struct {
	Issuer string `json:"issuer"`
	ID     string `json:"client"`
	Secret string `json:"secret"`
}

func clientSecretID(s *settings.Settings) cache.ID {
	return cache.NewID(append([]byte("kubecred client secret 1\n"), s.ClientIdentity()...))
}

func sealedClient(s *settings.Settings, held secret.Text) (cache.Record, error) {
	data, err := json.Marshal(clientSecret{&clientOf{s.IssuerURL, s.ClientID, held.Reveal()}})
	return cache.Record{Payload: data}, err
}

// importedSecret returns the sealed secret of the client, where the settings
// leave it to be found; none is no error.
func importedSecret(ctx context.Context, store *cache.Store, s *settings.Settings) (secret.Text, error) {
	if store == nil || !s.ClientSecret.Empty() || s.AuthMethod == "none" || s.AuthMethod == "private_key_jwt" {
		return secret.Text{}, nil
	}
	record, err := store.Load(ctx, clientSecretID(s))
	var absent *cache.UnavailableError
	var held clientSecret
	switch {
	case errors.Is(err, cache.ErrMiss), errors.As(err, &absent) && (absent.Reason == cache.Absent || absent.Reason == cache.Refused):
		return secret.Text{}, nil
	case err != nil:
		return secret.Text{}, err
	case json.Unmarshal(record.Payload, &held) != nil || held.Client == nil || held.Client.Issuer != s.IssuerURL || held.Client.ID != s.ClientID:
		return secret.Text{}, nil
	}
	return secret.New(held.Client.Secret), nil
}

// isClientSecret tells one from an entry.
func isClientSecret(r cache.Record) bool {
	return bytes.HasPrefix(r.Payload, []byte(`{"clientSecret"`))
}
