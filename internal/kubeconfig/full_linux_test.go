package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	childEnv = "KUBECRED_TEST_CHILD"
	noMount  = "cannot mount"
)

// TestMain serves as a child that has file systems of its own.
func TestMain(m *testing.M) {
	how, folder, found := strings.Cut(os.Getenv(childEnv), " ")
	if !found {
		os.Exit(m.Run())
	}
	if err := disks()[how](folder); err != nil {
		fmt.Println(err)
	}
}

// disks are file systems that a file cannot be changed on. Each keeps it as it
// was, and leaves nothing beside it.
func disks() map[string]func(folder string) error {
	return map[string]func(folder string) error{
		"full":      fullDisk,
		"read-only": readOnlyDisk,
		"mounted":   mountedFile,
	}
}

func TestDisks(t *testing.T) {
	for how := range disks() {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+how+" "+t.TempDir())
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

func mount(source, folder string, flags uintptr, options string) error {
	if err := syscall.Mount(source, folder, "tmpfs", flags, options); err != nil {
		return fmt.Errorf(noMount+": %w", err)
	}
	return nil
}

// padded is a kubeconfig of several pages.
var padded = one + strings.Repeat("# some words\n", 1000)

func fullDisk(folder string) error {
	page := os.Getpagesize()
	if err := mount("kubecred", folder, 0, fmt.Sprintf("size=%d,mode=0700", 6*page)); err != nil {
		return err
	}
	path := filepath.Join(folder, "config")
	if err := os.WriteFile(path, []byte(padded), 0o600); err != nil {
		return err
	}
	err := keeps(path, syscall.ENOSPC) // there is room for a part of it
	if fill := os.WriteFile(filepath.Join(folder, "filler"), make([]byte, 8*page), 0o600); !errors.Is(fill, syscall.ENOSPC) {
		err = errors.Join(err, fmt.Errorf("the disk is not full: %v", fill))
	}
	if err := errors.Join(err, keeps(path, syscall.ENOSPC), os.Remove(filepath.Join(folder, "filler"))); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(one), 0o600); err != nil {
		return err
	}
	_, err = Edit(context.Background(), path, sealBob)
	return err
}

func readOnlyDisk(folder string) error {
	path := filepath.Join(folder, "config")
	err := errors.Join(mount("kubecred", folder, 0, "mode=0700"), os.WriteFile(path, []byte(padded), 0o600))
	if err != nil {
		return err
	}
	return errors.Join(mount("kubecred", folder, syscall.MS_REMOUNT|syscall.MS_RDONLY, ""), keeps(path, syscall.EROFS))
}

// mountedFile is how containers have a file: it can be written, and nothing
// can be renamed over it.
func mountedFile(folder string) error {
	path, below := filepath.Join(folder, "config"), filepath.Join(folder, "below")
	err := errors.Join(os.WriteFile(path, nil, 0o600), os.WriteFile(below, []byte(padded), 0o600))
	if err == nil {
		err = syscall.Mount(below, path, "", syscall.MS_BIND, "")
	}
	if err != nil {
		return fmt.Errorf(noMount+": %w", err)
	}
	return errors.Join(keeps(path, syscall.EBUSY), syscall.Unmount(path, 0), os.Remove(below))
}

// keeps holds that a change fails for the reason and changes nothing.
func keeps(path string, reason error) error {
	before, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	_, err = Edit(context.Background(), path, sealBob)
	if closed := (*UnwritableError)(nil); !errors.As(err, &closed) || !errors.Is(err, reason) || strings.Contains(err.Error(), "\n") {
		return fmt.Errorf("error = %v, want %v", err, reason)
	}
	after, err := os.ReadDir(filepath.Dir(path))
	now, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr); err != nil || string(now) != padded || len(after) != len(before) {
		return fmt.Errorf("%v, %d bytes, %d files after %d", err, len(now), len(after), len(before))
	}
	return nil
}

// The owner stays where that may be: root changes somebody's file.
func TestEditKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give a file away")
	}
	path := write(t, one)[0]
	if err := os.Chown(path, 4711, 4712); err != nil {
		t.Fatal(err)
	}
	if _, err := Edit(t.Context(), path, sealBob); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != 4711 || stat.Gid != 4712 {
		t.Errorf("it belongs to %d:%d", stat.Uid, stat.Gid)
	}
}
