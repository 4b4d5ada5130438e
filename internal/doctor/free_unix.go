//go:build linux || darwin

package doctor

import "golang.org/x/sys/unix"

// free asks for a folder's room without writing to it. On a file system that is
// mounted read-only access fails as well.
func free(path string) (bytes uint64, writable bool, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, false, err
	}
	return stat.Bavail * uint64(stat.Bsize), unix.Access(path, unix.W_OK|unix.X_OK) == nil, nil
}
