package keyring

// The system calls. The key must be readable in any session of the user: a
// fresh session keyring (pam_keyinit gives each SSH login one) does not
// possess what lies in the user keyring, so the possessor's rights are no use
// there and the user's own must say read. A key is born in the keyring of one
// thread, where it is possessed, gets its rights and its end, and only then is
// linked where others see it: nobody ever meets one without a timeout.

import (
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	keyType = "user"
	// Possessor: everything. User: view, read, search. Group, others: nothing.
	keyRights = 0x3f0b0000
)

func description(id ID) string { return service + ":" + id.String() }

func kernelRead(id ID) ([]byte, error) {
	serial, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyType, description(id), 0)
	if err != nil {
		return nil, kernelError("search", err)
	}
	var buffer [KeySize + 1]byte
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, serial, buffer[:], 0)
	if err != nil {
		return nil, kernelError("read", err)
	}
	return buffer[:min(n, len(buffer))], nil
}

func kernelAdd(key Key, lifetime time.Duration) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	serial, err := unix.AddKey(keyType, description(key.ID()), key.Bytes(), unix.KEY_SPEC_THREAD_KEYRING)
	if err != nil {
		return kernelError("add_key", err)
	}
	defer keyctl(unix.KEYCTL_UNLINK, serial, unix.KEY_SPEC_THREAD_KEYRING)
	if err := unix.KeyctlSetperm(serial, keyRights); err != nil {
		return kernelError("setperm", err)
	}
	if err := keyctl(unix.KEYCTL_SET_TIMEOUT, serial, int(lifetime/time.Second)); err != nil {
		return kernelError("set_timeout", err)
	}
	if err := keyctl(unix.KEYCTL_LINK, serial, unix.KEY_SPEC_USER_KEYRING); err != nil {
		return kernelError("link", err)
	}
	return nil
}

func kernelRemove(id ID) error {
	serial, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, keyType, description(id), 0)
	if err == nil {
		err = keyctl(unix.KEYCTL_UNLINK, serial, unix.KEY_SPEC_USER_KEYRING)
	}
	if err == nil || gone(err) {
		return nil
	}
	return kernelError("unlink", err)
}

func kernelCheck() error {
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true); err != nil {
		return kernelError("get_keyring_id", err)
	}
	return nil
}

func keyctl(command, serial, argument int) error {
	_, err := unix.KeyctlInt(command, serial, argument, 0, 0)
	return err
}

func gone(err error) bool {
	return errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYEXPIRED) ||
		errors.Is(err, unix.EKEYREVOKED) || errors.Is(err, unix.ENOENT)
}

func kernelError(call string, err error) error {
	detail := call + ": " + err.Error()
	switch {
	case gone(err):
		return fail(ErrNotFound, detail)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return fail(ErrRefused, detail)
	}
	return fail(ErrFailed, detail)
}
