// Package folder is a directory's server on disk: a folder of its own, with its
// certificate, its files, and the tools that run in it.
package folder

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kubecred/kubecred/e2e/internal/parts"
	"github.com/kubecred/kubecred/e2e/internal/pki"
)

// Folder is its path.
type Folder string

// New makes an empty one.
func New(server string) (Folder, error) {
	dir, err := os.MkdirTemp("", "kubecred-"+server+"-")
	return Folder(dir), err
}

// Remove removes it with all that is in it.
func (f Folder) Remove() { os.RemoveAll(string(f)) }

// Path is that of a file.
func (f Folder) Path(name string) string { return filepath.Join(string(f), name) }

// Write writes files for their owner alone.
func (f Folder) Write(files map[string]string) error {
	for name, content := range files {
		if err := os.WriteFile(f.Path(name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Certify writes cert.pem and key.pem, which say localhost, and ca.pem, the new
// authority that signed them, which it returns as well.
func (f Folder) Certify(authority string) (ca []byte, err error) {
	a, err := pki.NewAuthority(authority)
	if err != nil {
		return nil, err
	}
	serving, err := a.Server()
	if err != nil {
		return nil, err
	}
	return a.PEM, f.Write(map[string]string{"ca.pem": string(a.PEM), "cert.pem": string(serving.Cert), "key.pem": string(serving.Key)})
}

// Tool runs a program to its end. Its error holds what the program printed. Its
// environment is env and a home here: nobody's ldaprc is read.
func (f Folder) Tool(ctx context.Context, env []string, stdin, program string, args ...string) error {
	path, err := parts.Command(program)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdin, cmd.Env = string(f), strings.NewReader(stdin), append(env, "HOME="+string(f))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, bytes.TrimSpace(out))
	}
	return nil
}
