//go:build !linux

package keyring

func children() map[string]func() error { return nil }
