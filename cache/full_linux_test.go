package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kubecred/kubecred/internal/keyring"
)

func diskChildren() map[string]func(dir string) error {
	return map[string]func(dir string) error{"full disk": childFullDisk, "file size": childFileSize}
}

// A disk that is really full: a file system of a few pages, in a mount
// namespace that goes with the process.
func TestFullDiskKeepsTheOldEntry(t *testing.T) {
	for how := range fillings() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := child(t, "full disk", t.TempDir(), stepEnv+"="+how)
			cmd.SysProcAttr = ownMounts()
			out, err := cmd.CombinedOutput()
			if text := string(out); errors.Is(err, syscall.EPERM) || strings.Contains(text, noMount) {
				t.Skipf("no file system of our own can be mounted here: %v %s", err, text)
			} else if err != nil || text != "" {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
}

const noMount = "cannot mount"

// ownMounts lets root mount what only the child sees, and others too where the
// kernel gives them a user namespace.
func ownMounts() *syscall.SysProcAttr {
	if os.Getuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	}
	return &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings:  []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings:  []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}

// fillings are the ways to fill the disk: after them creating fails, or
// writing the first byte, or a byte in the middle.
func fillings() map[string]func(filler string) error {
	return map[string]func(filler string) error{
		"no room for a file": func(filler string) error {
			for n := 0; ; n++ {
				if err := os.WriteFile(filler+strconv.Itoa(n), nil, 0o600); err != nil {
					return wantFull(err)
				}
			}
		},
		"no room in a file": fillPages,
		"no room for a whole entry": func(filler string) error {
			err := fillPages(filler)
			info, statErr := os.Stat(filler)
			if err := errors.Join(err, statErr); err != nil {
				return err
			}
			return os.Truncate(filler, info.Size()-int64(os.Getpagesize()))
		},
	}
}

func fillPages(filler string) error {
	file, err := os.Create(filler)
	if err != nil {
		return err
	}
	for page := make([]byte, os.Getpagesize()); err == nil; {
		_, err = file.Write(page)
	}
	return errors.Join(wantFull(err), file.Close())
}

func wantFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return fmt.Errorf("the disk is not full: %w", err)
}

func childFullDisk(disk string) error {
	size := fmt.Sprintf("size=%d,nr_inodes=40,mode=0700", 20*os.Getpagesize())
	if err := syscall.Mount("kubecred", disk, "tmpfs", 0, size); err != nil {
		return fmt.Errorf(noMount+": %w", err)
	}
	dir, fresh, keys := filepath.Join(disk, "kubecred"), filepath.Join(disk, "fresh"), keyring.NewMemory()
	s, err := Open(Options{Dir: dir, Storage: File})
	first, firstErr := Open(Options{Dir: fresh, Storage: Keyring, Keys: keys})
	if err := errors.Join(err, firstErr, save(s, entry, record("old")), makeFolder(filepath.Join(fresh, "keyring"))); err != nil {
		return err
	}
	filler := filepath.Join(disk, "filler")
	if err := fillings()[os.Getenv(stepEnv)](filler); err != nil {
		return err
	}
	for range 2 { // the second meets what the first left
		if err := keepsOld(s, dir, syscall.ENOSPC); err != nil {
			return err
		}
		if err := refused(save(first, entry, large), syscall.ENOSPC); err != nil {
			return fmt.Errorf("the first entry: %w", err)
		}
	}
	if keys.Len() > 1 {
		return fmt.Errorf("%d data keys were made", keys.Len())
	}
	fillers, err := filepath.Glob(filler + "*")
	for _, path := range fillers {
		err = errors.Join(err, os.Remove(path))
	}
	return errors.Join(err, save(s, entry, large), save(first, entry, large))
}

var large = Record{Payload: bytes.Repeat([]byte("x"), 10_000)}

// keepsOld holds that a Save fails for the reason and changes nothing.
func keepsOld(s *Store, dir string, reason error) error {
	before, err := contents(dir)
	if err := errors.Join(err, refused(save(s, entry, large), reason)); err != nil {
		return err
	}
	if _, err := s.Prepare(context.Background()); err != nil { // 512 bytes may find room
		if err := refused(err, reason); err != nil {
			return err
		}
	}
	after, err := contents(dir)
	if err != nil || !maps.Equal(before, after) {
		return fmt.Errorf("files changed: %d before, %d after, %v", len(before), len(after), err)
	}
	r, err := s.Load(context.Background(), entry)
	if err != nil || string(r.Payload) != "old" {
		return fmt.Errorf("Load = %.20q, %v", r.Payload, err)
	}
	return nil
}

func refused(err, reason error) error {
	var unwritable *UnwritableError
	if !errors.As(err, &unwritable) || !errors.Is(err, reason) {
		return fmt.Errorf("error = %v, want %v", err, reason)
	}
	return nil
}

// A write that comes short needs no rights: the size of files is limited.
func TestShortWriteKeepsTheOldEntry(t *testing.T) {
	cmd := child(t, "file size", t.TempDir())
	if got := output(t, cmd); got != "" {
		t.Error(got)
	}
}

func childFileSize(dir string) error {
	s, err := Open(Options{Dir: filepath.Join(dir, "kubecred"), Storage: File})
	if err != nil {
		return err
	}
	if err := save(s, entry, record("old")); err != nil {
		return err
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	limit.Cur = 4096
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return keepsOld(s, dir, syscall.EFBIG)
}
