package measure

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Peak returns the most memory that the command had resident, in bytes, as the kernel counted it
// (ru_maxrss of getrusage(2)).
//
// A process inherits this count at its start from the memory image that it leaves at execve, and
// that is its parent's: whatever a big parent starts seems to be as big. So a small program is put
// in between, built from the folder peak; its own few mebibytes are the least that can be seen.
func Peak(ctx context.Context, starter string, c Command) (int64, error) {
	c.Path, c.Args = starter, append([]string{c.Path}, c.Args...)
	_, out, err := c.Run(ctx)
	if err != nil {
		return 0, err
	}
	bytes, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s printed no number: %w", starter, err)
	}
	return bytes, nil
}
