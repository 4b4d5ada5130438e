package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/kubecred/kubecred/internal/cli"
)

// The log for support. It holds decisions, hosts, paths and durations. It
// cannot hold a secret, since those are secret.Text until they are sent or
// sealed; what still looks like a token is struck out.

// logHeader begins every log file, and tells one from any other file.
const logHeader = "# kubecred log: no secrets in here; read it before you share it\n"

const logHint = "name a new file, or a log of kubecred's, that ends in .log"

// openLog returns the logger for a run: to the file that KUBECRED_LOG names,
// to stderr with -v, or nowhere. An exec block of a hostile kubeconfig may set
// the variable, so it names a new file or a log of ours, ending in .log.
func openLog(path string, verbose bool, stderr io.Writer) (*slog.Logger, func(), error) {
	var out []io.Writer
	done := func() {}
	if path != "" {
		file, err := openLogFile(path)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, file)
		done = func() { file.Close() }
	}
	if verbose {
		out = append(out, stderr)
	}
	if len(out) == 0 {
		return slog.New(slog.DiscardHandler), done, nil
	}
	h := slog.NewJSONHandler(io.MultiWriter(out...), &slog.HandlerOptions{ReplaceAttr: strikeTokens})
	return slog.New(h).With("pid", os.Getpid()), done, nil
}

func openLogFile(path string) (*os.File, error) {
	if !strings.HasSuffix(path, ".log") {
		return nil, cli.Mistake(logHint, "KUBECRED_LOG must name a file that ends in .log")
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, cli.Mistake(logHint, "KUBECRED_LOG: %v", err)
	}
	if err := beginLog(file); err != nil {
		file.Close()
		return nil, cli.Mistake(logHint, "KUBECRED_LOG: %v", err)
	}
	return file, nil
}

// beginLog writes the header to an empty file and demands it of another.
func beginLog(file *os.File) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("not a file")
	case !ownedAlone(info):
		return errors.New("others can read or write it, or own it")
	case info.Size() == 0:
		_, err := file.WriteString(logHeader)
		return err
	}
	if first, _ := bufio.NewReader(io.LimitReader(file, 256)).ReadString('\n'); first != logHeader {
		return errors.New("the file is there and is not a log of kubecred")
	}
	return nil
}

// strikeTokens is the last line of defence: text that looks like a JWT or a
// PEM key does not pass.
func strikeTokens(_ []string, attr slog.Attr) slog.Attr {
	text := attr.Value.String()
	if attr.Value.Kind() == slog.KindAny {
		text = fmt.Sprint(attr.Value.Any())
	}
	if strings.Contains(text, "eyJ") || strings.Contains(text, "PRIVATE KEY") {
		return slog.String(attr.Key, "[REDACTED]")
	}
	return attr
}
