// Package control lets the commands of kubecred-exchange reach a service that
// runs.
//
// A bbolt file has one process, so a command cannot open the state of a running
// service. The service listens on a Unix socket beside the file instead, and
// does what a command asks. There is no password and no port: who may open the
// socket is who may open the state. The socket lies in a folder of mode 0700
// that belongs to the service's user, since between binding a socket and
// changing its mode anybody could connect; and nothing but a local file system
// carries it.
//
// Its guarantee ends with the user: whoever runs as the service's user, or as
// root, may do all of it, as they could with the files themselves.
package control

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Operator is what an operator can do to the state of a service: the service
// itself, or a Client of one that runs.
type Operator interface {
	// Rotate makes a new signing key. With replace it signs at once and all
	// others are gone, for a key that somebody else may have.
	Rotate(ctx context.Context, replace bool) (Rotation, error)
	// Revoke ends what the target names and returns how many sessions that was.
	Revoke(ctx context.Context, t Target) (int, error)
	// Sessions lists those that have not ended.
	Sessions(ctx context.Context) ([]Session, error)
	// Backup writes a whole, consistent copy of the state.
	Backup(ctx context.Context, w io.Writer) error
}

// Kind says what is revoked.
type Kind string

// Kinds of targets.
const (
	OneSession Kind = "session" // and the tokens of it
	OneUser    Kind = "user"    // every session and token of a person
	OneToken   Kind = "token"   // by its jti, as the audit tells it
	Everything Kind = "all"     // every session and token there is
)

// Target is what is revoked.
type Target struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"` // empty for Everything
}

// Rotation is what became of the keys.
type Rotation struct {
	Key   string    `json:"key"`   // the new one's ID
	Signs time.Time `json:"signs"` // from when on it signs
}

// Session is one sign-in.
type Session struct {
	ID      string    `json:"id"`
	Subject string    `json:"subject"` // the person's ID in the directory
	User    string    `json:"user"`
	Client  string    `json:"client"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Expires time.Time `json:"expires"`
}

// ErrNotRunning says that no service listens.
var ErrNotRunning = errors.New("no service is running on this state")

// ErrTarget says that a target names nothing that is there.
var ErrTarget = errors.New("nothing of that name is there")

// socket is where the service listens, within its folder.
func socket(folder string) string { return filepath.Join(folder, "socket") }

// maxPath is what the address of a Unix socket holds, in bytes: 104 on macOS
// and the BSDs, 108 on Linux, with the zero at its end.
const maxPath = 103

// reachable calls use with an address of the socket in folder that is short
// enough: through a link, for as long as use takes, where the path is not.
func reachable(folder string, use func(address string) error) (err error) {
	if len(socket(folder)) <= maxPath {
		return use(socket(folder))
	}
	short, err := os.MkdirTemp("", "k")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(short)) }()
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	link := filepath.Join(short, "l")
	if err := os.Symlink(absolute, link); err != nil {
		return err
	}
	return use(socket(link))
}
