package settings

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

const nonblock = 0

// machineFolder asks the system rather than the variable ProgramData, which a
// kubeconfig may set for the command.
func machineFolder() string {
	dir, err := windows.KnownFolderPath(windows.FOLDERID_ProgramData, 0)
	if err != nil {
		dir = `C:\ProgramData` // no policy would be worse than the usual place
	}
	return filepath.Join(dir, "kubecred")
}

// runtimeFolder: Windows has none that ends with the session, and a variable
// that names one may come from a kubeconfig.
func runtimeFolder() string { return "" }

// trustedInstaller owns what Windows itself installs. It has no well-known
// SID type.
const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// mayChange are the rights that let a file's content or its rights be changed.
const mayChange = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.DELETE |
	windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// checkOwner refuses an administrator's file that someone else owns or may
// write to. Any user may create a folder under ProgramData, so both matter.
// The person's own files lie in a folder that only they may write to.
func checkOwner(file *os.File, _ fs.FileInfo, by writer) error {
	if by != byAdministrator {
		return nil
	}
	sd, err := windows.GetSecurityInfo(windows.Handle(file.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return errors.New("has an owner that cannot be told")
	}
	owner, _, err := sd.Owner()
	if err != nil || !isAdministrator(owner) {
		return errors.New("is not owned by Administrators or SYSTEM")
	}
	dacl, _, err := sd.DACL()
	if err != nil || dacl == nil { // without a list everyone may do everything
		return errors.New("may be written by everyone")
	}
	return checkList(dacl)
}

func checkList(dacl *windows.ACL) error {
	for i := range uint32(dacl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(dacl, i, &ace); err != nil {
			return errors.New("has rights that cannot be read")
		}
		if ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE {
			continue
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE {
			return errors.New("has rights of a kind that is not known")
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		if ace.Mask&mayChange != 0 && !isAdministrator(sid) {
			return errors.New("may be written by others than Administrators and SYSTEM")
		}
	}
	return nil
}

func isAdministrator(sid *windows.SID) bool {
	return sid.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		sid.IsWellKnown(windows.WinLocalSystemSid) ||
		sid.String() == trustedInstaller
}
