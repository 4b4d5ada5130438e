package main

// Where the audit's lines go.

import (
	"io"
	"log/slog"
	"os"

	"github.com/kubecred/kubecred/ldapexchange/kubecred-exchange/config"
)

// openAudit opens the file anew for each generation, so that one that was
// renamed is left alone after a reload.
func openAudit(a config.Audit, stdout io.Writer) (*slog.Logger, io.Closer, error) {
	if a.File == "" {
		return slog.New(slog.NewJSONHandler(stdout, nil)), nil, nil
	}
	f, err := os.OpenFile(a.File, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewJSONHandler(&wholeLines{to: f, torn: endsTorn(a.File)}, nil)), f, nil
}

// endsTorn reports whether the last line of a file lacks its end: a process that
// was killed wrote it, or the generation before this one on a disk that was full.
func endsTorn(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return err == nil && last[0] != '\n'
}

// wholeLines begins a new line after one that a full disk cut off. Its handler
// calls it once for each line, and for one at a time.
type wholeLines struct {
	to   io.Writer
	torn bool
}

// Write implements io.Writer.
func (w *wholeLines) Write(line []byte) (int, error) {
	text := line
	if w.torn {
		text = append([]byte("\n"), line...)
	}
	n, err := w.to.Write(text)
	if err != nil {
		w.torn = w.torn || n > 0
		return 0, err
	}
	w.torn = false
	return len(line), nil
}
