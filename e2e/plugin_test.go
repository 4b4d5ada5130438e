package e2e

// This test binary, run again as an exec credential plugin: it prints the credential
// that a file holds, by execcred alone. So client-go can be shown what no provider
// of these tests hands out yet (certificates), and what no client should accept.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/kubeconfig"
	"github.com/kubecred/kubecred/execcred"
)

// pluginFile is the variable that makes this binary a plugin, and names its file.
const pluginFile = "KUBECRED_E2E_PLUGIN"

// refusedCode is the exit code where execcred refuses the credential.
const refusedCode = 94

// answer is what the file holds.
type answer struct {
	execcred.Credential
}

// plugin is the whole program. It notes what it was asked, a line each, beside the file.
func plugin(file string, stdout io.Writer) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 90
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return 91
	}
	asked := os.Getenv(execcred.EnvExecInfo)
	if err := note(file+".asked", asked); err != nil {
		return 92
	}
	request, err := execcred.ParseRequest(asked, execcred.V1)
	if err != nil {
		return 93
	}
	out, err := execcred.Encode(request.APIVersion, a.Credential, time.Now())
	if err != nil {
		return refusedCode
	}
	if _, err := stdout.Write(out); err != nil {
		return 95
	}
	return 0
}

func note(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		return err
	}
	return f.Close()
}

// stub is the plugin as a kubeconfig has it.
type stub struct {
	t    *testing.T
	file string
}

func newStub(t *testing.T, a answer) *stub {
	s := &stub{t: t, file: filepath.Join(t.TempDir(), "answer.json")}
	s.answers(a)
	return s
}

// answers sets what the plugin prints from now on.
func (s *stub) answers(a answer) {
	s.t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stub) exec(apiVersion string) kubeconfig.Exec {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	return kubeconfig.Exec{APIVersion: apiVersion, Command: self, Env: []string{pluginFile + "=" + s.file}}
}

// asked are the exec infos that the plugin was run with.
func (s *stub) asked() []string {
	s.t.Helper()
	text, err := os.ReadFile(s.file + ".asked")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
