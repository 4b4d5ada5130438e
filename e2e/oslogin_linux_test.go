package e2e

// This test binary, run again as a login to the machine: it begins a session of the kernel's, as
// pam_keyinit does for each SSH login, and becomes the program that it is given.

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	kernel "github.com/kubecred/kubecred/internal/keyring"
)

// The kinds of logins. The session is new in any of them.
const (
	asRunner    = "whoever runs the tests"
	asNobody    = "nobody"
	withoutKeys = "without keys" // the kernel refuses its keyrings
)

// forget stands in the place of a program: it takes the key of an ID out of the kernel.
const forget = "forget"

// nobody is the number of Debian's nobody and nogroup.
const nobody = 65534

// osLogin is the whole program, and returns only where it does not become another one.
func osLogin(kinds string) int {
	err := logIn(strings.Split(kinds, ","))
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 96
}

func logIn(kinds []string) error {
	runtime.LockOSThread() // a session and a filter are a thread's, and pass to what it becomes
	if slices.Contains(kinds, asNobody) {
		if err := become(nobody); err != nil {
			return fmt.Errorf("another user: %w", err)
		}
	}
	if os.Args[1] == forget {
		id, err := kernel.ParseID(os.Args[2])
		if err != nil {
			return err
		}
		return kernel.NewKernel(kernel.KernelOn, 0).Remove(id)
	}
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("a new session: %w", err)
	}
	if slices.Contains(kinds, withoutKeys) {
		if err := refuseKeys(); err != nil {
			return fmt.Errorf("the filter: %w", err)
		}
	}
	return syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
}

// become gives up root for good.
func become(id int) error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(id); err != nil {
		return err
	}
	return syscall.Setuid(id)
}

// refuseKeys answers EPERM to the three system calls of the kernel's keyrings, as Docker's default
// seccomp profile does.
func refuseKeys() error {
	const numberAt = 0 // of struct seccomp_data, seccomp(2)
	refused := []uint32{unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL}
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: numberAt}}
	for i, number := range refused {
		toTheLast := uint8(len(refused) - i)
		filter = append(filter, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number, Jt: toTheLast})
	}
	filter = append(filter,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
	)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}
