package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func diskChildren() map[string]func(dir string) error {
	return map[string]func(dir string) error{"full": childFull, "read-only": childReadOnly}
}

const noMount = "cannot mount"

// A disk that is really full or read-only: a file system of a few pages, in a
// mount namespace that goes with the process.
func TestDiskThatTakesNothing(t *testing.T) {
	for how := range diskChildren() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := child(t, how, t.TempDir())
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

func mount(dir string, pages int) error {
	size := fmt.Sprintf("size=%d,mode=0700", pages*os.Getpagesize())
	if err := syscall.Mount("kubecred", dir, "tmpfs", 0, size); err != nil {
		return fmt.Errorf(noMount+": %w", err)
	}
	return nil
}

func childFull(disk string) error {
	if err := mount(disk, 64); err != nil {
		return err
	}
	ctx := context.Background()
	s, err := OpenBolt(Options{Path: statePath(disk)})
	if err != nil {
		return err
	}
	r, err := roomsOf(s, nil)
	if err != nil {
		return err
	}
	_, token, err := r.sessions.Create(ctx, begun())
	if err != nil {
		return err
	}
	if err := s.Check(ctx); err != nil {
		return fmt.Errorf("Check: %w", err)
	}
	filler := filepath.Join(disk, "filler")
	if err := fill(filler); err != nil {
		return err
	}
	if err := full(ctx, s); err != nil {
		return err
	}
	// It reads on, says what it knows, and goes on where it was.
	if _, err := s.Get(ctx, "big/0"); err != nil {
		return fmt.Errorf("Get on a full disk: %w", err)
	}
	if err := s.Backup(ctx, filepath.Join(disk, "copy")); !errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("Backup on a full disk: %w", err)
	}
	if err := s.Check(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("Check on a full disk: %w", err)
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	if err := errors.Join(s.Check(ctx), s.Check(ctx)); err != nil {
		return fmt.Errorf("Check after it: %w", err)
	}
	if _, _, err = r.sessions.Rotate(ctx, token, "kubernetes", nil); err != nil {
		return fmt.Errorf("after it: %w", err)
	}
	_, err = s.Put(ctx, "big/after", make([]byte, 20_000), 0, time.Time{})
	return errors.Join(err, s.Close())
}

// fill leaves the file a few pages to grow into.
func fill(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	for page := make([]byte, os.Getpagesize()); err == nil; {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk is not full: %w", err)
	}
	info, err := file.Stat()
	if err == nil {
		err = file.Truncate(info.Size() - 12*int64(os.Getpagesize()))
	}
	return errors.Join(err, file.Close())
}

// full writes until nothing more goes, and holds that what went is there and
// what did not is not.
func full(ctx context.Context, s *Bolt) error {
	events := s.Watch(ctx, "big/")
	written := 0
	for ; ; written++ {
		_, err := s.Put(ctx, fmt.Sprintf("big/%d", written), make([]byte, 10_000), 0, time.Time{})
		if errors.Is(err, ErrUnavailable) && errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil || written > 100 {
			return fmt.Errorf("Put %d: %w", written, err)
		}
	}
	if written == 0 || len(events) != written {
		return fmt.Errorf("%d fit, %d were told", written, len(events))
	}
	for i := range written + 1 {
		_, err := s.Get(ctx, fmt.Sprintf("big/%d", i))
		if (i < written) != (err == nil) {
			return fmt.Errorf("of %d, Get %d: %w", written, i, err)
		}
	}
	return nil
}

func childReadOnly(disk string) error {
	if err := mount(disk, 64); err != nil {
		return err
	}
	s, err := OpenBolt(Options{Path: statePath(disk)})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return err
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return fmt.Errorf(noMount+": %w", err)
	}
	for _, path := range []string{statePath(disk), filepath.Join(disk, "state", "new.db"), filepath.Join(disk, "new", "new.db")} {
		if _, err := OpenBolt(Options{Path: path}); !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
