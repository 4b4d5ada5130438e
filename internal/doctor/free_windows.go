package doctor

import "golang.org/x/sys/windows"

// free asks for a folder's room. Who may write there only a write would tell.
func free(path string) (bytes uint64, writable bool, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, false, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &bytes, nil, nil)
	return bytes, true, err
}
