//go:build !linux

package keyring

import "time"

func kernelRead(ID) ([]byte, error)      { return nil, noKernel() }
func kernelAdd(Key, time.Duration) error { return noKernel() }
func kernelRemove(ID) error              { return noKernel() }
func kernelCheck() error                 { return noKernel() }

func noKernel() error { return fail(ErrRefused, "only Linux has one") }
