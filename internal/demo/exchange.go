package main

// The second part: no provider, but a directory. kubecred-exchange dev stands
// for the service and the directory both.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// service is a kubecred-exchange dev that runs.
type service struct {
	said   said
	cmd    *exec.Cmd
	stderr bytes.Buffer
}

// said is the line that dev prints for scripts.
type said struct {
	Issuer               string
	CertificateAuthority string
	Cluster              string
	Review               string
	ReviewToken          string
	User                 string
	Password             string
	Groups               []string
	ClientCA             string
	Audit                string
}

// startExchange starts a service and waits for its line. What it makes lies in
// the stage's temporary folder.
func startExchange(ctx context.Context, program string, env []string) (*service, error) {
	s := &service{cmd: exec.CommandContext(ctx, program, "dev", "--address=127.0.0.1:0", "--output=json")}
	s.cmd.Env, s.cmd.Stderr = env, &s.stderr
	s.cmd.Cancel = func() error { return end(s.cmd.Process) }
	s.cmd.WaitDelay = 10 * time.Second
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(io.LimitReader(stdout, 64<<10)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.said)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("kubecred-exchange dev: %w", err), s.stop())
	}
	return s, nil
}

// end asks the process to end; Windows has no way to.
func end(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill()
	}
	return p.Signal(os.Interrupt)
}

// stop ends the service and wants it to have ended well, and silently.
func (s *service) stop() error {
	if err := end(s.cmd.Process); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil && runtime.GOOS != "windows" || s.stderr.Len() > 0 {
		return fmt.Errorf("kubecred-exchange dev ended with %v\n%s", err, s.stderr.Bytes())
	}
	return nil
}

// decisions counts what the service was asked for, by its audit.
func (s *service) decisions() (int, error) {
	data, err := os.ReadFile(s.said.Audit)
	return bytes.Count(data, []byte("\n")), err
}

// profile lets kubecred on the stage sign in without a person: the person's own
// file names where the password is.
func (s *service) profile(stage *stage) error {
	password := stage.at("password")
	text := fmt.Sprintf("profiles:\n  exchange:\n    exchange-url: %q\n    certificate-authority: %q\n    username: %q\n    password-file: %q\n",
		s.said.Issuer, s.said.CertificateAuthority, s.said.User, password)
	// Every system looks for it in another of the stage's folders.
	var errs []error
	for _, folder := range []string{"config", filepath.Join("home", "Library", "Application Support")} {
		folder = filepath.Join(stage.at(folder), "kubecred")
		errs = append(errs, os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(text), 0o600))
	}
	return errors.Join(append(errs, os.WriteFile(password, []byte(s.said.Password), 0o600))...)
}

// exchangeEnv has no runtime folder. Two kubectls are two processes; this is
// one, and to kubecred it would look like a client that was refused and asks
// again (docs/decisions/0009).
func exchangeEnv(stage *stage) []string {
	return slices.DeleteFunc(stage.env(), func(pair string) bool { return strings.HasPrefix(pair, "XDG_RUNTIME_DIR=") })
}

func exchangeArguments(stage *stage, more ...string) []string {
	return append([]string{"get-token", "--profile=exchange", "--token-cache-dir=" + stage.cache(), "--token-cache-storage=file"}, more...)
}
