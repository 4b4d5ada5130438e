package lifetime

import (
	"os"
	"strconv"
)

// Parent names the process that started this one, by its ID and, where the
// system tells, when it began: IDs are used again.
func Parent() string {
	pid := os.Getppid()
	return strconv.Itoa(pid) + "@" + began(pid)
}
