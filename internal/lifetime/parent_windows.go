package lifetime

import (
	"strconv"

	"golang.org/x/sys/windows"
)

// began is in nanoseconds since 1970.
func began(pid int) string {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(process)
	var creation, exit, kernel, user windows.Filetime
	if windows.GetProcessTimes(process, &creation, &exit, &kernel, &user) != nil {
		return ""
	}
	return strconv.FormatInt(creation.Nanoseconds(), 10)
}
