//go:build !linux && !darwin && !windows

package keyring

func platformKind(error) error { return ErrFailed }
