//go:build !linux && !darwin && !windows

package doctor

import "errors"

func free(string) (bytes uint64, writable bool, err error) {
	return 0, false, errors.New("not on this system")
}
