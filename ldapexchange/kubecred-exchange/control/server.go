package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/kubecred/kubecred/internal/private"
)

const (
	maxRequest = 64 << 10         // bytes
	patience   = 10 * time.Second // for a request's head and body
)

// Server answers commands.
type Server struct {
	http   *http.Server
	socket string
	done   chan struct{}
}

// Serve listens in folder, which it makes. The caller holds the state's lock:
// a socket that is there was left behind by a process that died.
func Serve(folder string, op Operator) (*Server, error) {
	if err := private.Folder(folder); err != nil {
		return nil, err
	}
	if err := os.Remove(socket(folder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the control socket of an earlier process cannot be removed: %w", err)
	}
	listener, err := listen(folder)
	if err != nil {
		return nil, err
	}
	s := &Server{
		http:   &http.Server{Handler: routes(op), ReadHeaderTimeout: patience, MaxHeaderBytes: maxRequest},
		socket: socket(folder),
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		s.http.Serve(listener) // ends with Close
	}()
	return s, nil
}

func listen(folder string) (listener *net.UnixListener, err error) {
	err = reachable(folder, func(address string) error {
		listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: address, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // by the name it has for good: Close
	if err := os.Chmod(socket(folder), 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Close ends every command under way and removes the socket.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.done
	return errors.Join(err, os.Remove(s.socket))
}

func routes(op Operator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		asked(w, r, func(replace bool) {
			got, err := op.Rotate(r.Context(), replace)
			answer(w, got, err)
		})
	})
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		asked(w, r, func(t Target) {
			n, err := op.Revoke(r.Context(), t)
			answer(w, n, err)
		})
	})
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, r *http.Request) {
		got, err := op.Sessions(r.Context())
		answer(w, got, err)
	})
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) { backup(w, r, op) })
	return mux
}

// asked reads what a request says.
func asked[T any](w http.ResponseWriter, r *http.Request, do func(T)) {
	var value T
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&value); err != nil {
		http.Error(w, "the request cannot be read: is the command of the service's version?", http.StatusBadRequest)
		return
	}
	do(value)
}

// backup sends the copy. A copy that breaks off ends the connection in the
// middle of a chunk, so that nobody takes the half for the whole.
func backup(w http.ResponseWriter, r *http.Request, op Operator) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := op.Backup(r.Context(), w); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// answer sends value, or why there is none.
func answer(w http.ResponseWriter, value any, err error) {
	switch {
	case errors.Is(err, ErrTarget):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(value) // who asked may have gone
	}
}
