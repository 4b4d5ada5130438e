// Package kubeconfig reads kubeconfigs as kubectl resolves them: several files
// in KUBECONFIG, the first to name a thing wins, and a context leads to a user
// and a cluster.
//
// It also changes one user, or one context, of a file and leaves every other
// byte as it was (Edit, Document; docs/decisions/0015).
//
// A kubeconfig may come from someone else. This package runs nothing and
// follows no path that it names, but for Cluster.Authority.
package kubeconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// maxFile bounds one file, in bytes. Real ones with hundreds of clusters are
// a MB or two.
const maxFile = 4 << 20

// extensionName names the cluster's extension that a client passes to the
// plugin (client-go, plugin/pkg/client/auth/exec).
const extensionName = "client.authentication.k8s.io/exec"

// Exec is a user's exec block.
type Exec struct {
	APIVersion         string
	Command            string
	Args               []string
	Env                []EnvVar
	InstallHint        string
	InteractiveMode    string // Never, IfAvailable or Always
	ProvideClusterInfo bool
}

// EnvVar is one variable of an exec block.
type EnvVar struct {
	Name  string
	Value string
}

// User is a user entry. Exec is nil where it authenticates otherwise.
type User struct {
	Name string
	Exec *Exec
	As   Impersonation
}

// Cluster is how an API server is reached.
type Cluster struct {
	Name   string
	Server string // a URL
	// CAData is PEM, and stands above CAFile, an absolute path. Without either
	// the system's authorities count.
	CAData                []byte
	CAFile                string
	TLSServerName         string // in place of the server's own name
	ProxyURL              string // in place of what the environment says
	InsecureSkipTLSVerify bool
}

// Target is where a context leads.
type Target struct {
	Context string
	User    User
	Cluster Cluster // without a server where no file has it
	// Config is the cluster's exec extension as JSON. It is nil where there is
	// none, or where the exec block does not ask for it.
	Config json.RawMessage
}

// Config is what one or several files say together.
type Config struct {
	current  string
	contexts map[string]contextBody
	clusters map[string]clusterBody
	users    map[string]userBody
	order    []string // of the users
}

type (
	// file is what one file says.
	file struct {
		current  string
		contexts []named[contextBody]
		clusters []named[clusterBody]
		users    []named[userBody]
	}
	named[T any] struct {
		name string
		body T
	}
	contextBody struct{ cluster, user string }
	clusterBody struct {
		Cluster
		extension json.RawMessage // for a plugin; nil without one
	}
)

// Paths returns the files that kubectl would read: those of the KUBECONFIG
// variable's value, else ~/.kube/config.
func Paths(variable, home string) []string {
	var paths []string
	for _, path := range filepath.SplitList(variable) {
		if path != "" {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 && home != "" {
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	return paths
}

// Load reads files and merges them. A file that does not exist is passed over.
// Errors: *FileError, and the system's.
func Load(paths []string) (*Config, error) {
	c := &Config{
		contexts: map[string]contextBody{},
		clusters: map[string]clusterBody{},
		users:    map[string]userBody{},
	}
	for _, path := range paths {
		data, err := read(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f, err := parse(data)
		if err != nil {
			return nil, syntaxError(path, err)
		}
		if err := f.resolve(path); err != nil {
			return nil, err
		}
		c.merge(f)
	}
	return c, nil
}

// resolve makes paths absolute: they are meant from the file's folder
// (client-go, clientcmd.ResolveLocalPaths).
func (f file) resolve(path string) error {
	base, err := filepath.Abs(filepath.Dir(path))
	for i := range f.clusters {
		if ca := &f.clusters[i].body.CAFile; *ca != "" && !filepath.IsAbs(*ca) {
			*ca = filepath.Join(base, *ca)
		}
	}
	return err
}

func read(path string) ([]byte, error) {
	// A pipe would be waited for without an end, and be empty for kubectl.
	if info, err := os.Stat(path); err != nil {
		return nil, forbidden(path, err)
	} else if !info.Mode().IsRegular() {
		return nil, &FileError{Path: path, Reason: "is not a regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, forbidden(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = &FileError{Path: path, Reason: fmt.Sprintf("is larger than %d MiB", maxFile>>20)}
	}
	return data, err
}

// forbidden makes a file's error of a system's that a person can mend there.
func forbidden(path string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return &FileError{Path: path, Reason: "cannot be read: permission denied"}
	}
	return err
}

func (c *Config) merge(f file) {
	if c.current == "" {
		c.current = f.current
	}
	for _, e := range f.contexts {
		addFirst(c.contexts, e.name, e.body)
	}
	for _, e := range f.clusters {
		addFirst(c.clusters, e.name, e.body)
	}
	for _, e := range f.users {
		if addFirst(c.users, e.name, e.body) {
			c.order = append(c.order, e.name)
		}
	}
}

func addFirst[V any](m map[string]V, name string, value V) bool {
	if _, taken := m[name]; taken {
		return false
	}
	m[name] = value
	return true
}

// FileError is a file that is no kubeconfig, or none that can be changed. It
// repeats nothing of it but names.
type FileError struct {
	Path, Reason string
	Line         int // that Reason is about; 0 where there is none
}

func (e *FileError) Error() string { return e.Path + " " + e.Reason }

// NotFoundError is a context, user or cluster that no file has.
type NotFoundError struct{ Kind, Name string }

func (e *NotFoundError) Error() string {
	if e.Name == "" {
		return "the kubeconfig has no current " + e.Kind
	}
	return fmt.Sprintf("the kubeconfig has no %s named %q", e.Kind, e.Name)
}

// Target follows a context, or the current one where context is empty. Its
// error is a *NotFoundError; where the context is there and its user is not, the
// context's name comes with it.
func (c *Config) Target(context string) (Target, error) {
	if context == "" {
		context = c.current
	}
	ctx, ok := c.contexts[context]
	if !ok {
		return Target{}, &NotFoundError{"context", context}
	}
	user, err := c.User(ctx.user)
	if err != nil {
		return Target{Context: context}, err
	}
	cluster := c.clusters[ctx.cluster]
	t := Target{Context: context, User: user, Cluster: cluster.Cluster}
	t.Cluster.Name = ctx.cluster
	if user.Exec != nil && user.Exec.ProvideClusterInfo {
		t.Config = cluster.extension
	}
	return t, nil
}

// Targets returns where every context leads, the current one first, and then
// the users that no context leads to.
func (c *Config) Targets() []Target {
	var all []Target
	named := map[string]bool{}
	for _, name := range append([]string{c.current}, slices.Sorted(maps.Keys(c.contexts))...) {
		t, err := c.Target(name)
		if err != nil || (len(all) > 0 && name == c.current) {
			continue
		}
		named[t.User.Name] = true
		all = append(all, t)
	}
	for _, name := range c.order {
		if !named[name] {
			all = append(all, Target{User: c.users[name].named(name)})
		}
	}
	return all
}

// User returns a user by name. Its error is a *NotFoundError.
func (c *Config) User(name string) (User, error) {
	body, ok := c.users[name]
	if !ok {
		return User{}, &NotFoundError{"user", name}
	}
	return body.named(name), nil
}
