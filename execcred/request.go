package execcred

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// EnvExecInfo is the variable in which a client says what it wants.
const EnvExecInfo = "KUBERNETES_EXEC_INFO"

// APIVersion is the group and version of an ExecCredential. A client refuses
// an answer in another version than it asked for.
type APIVersion string

// The versions that clients of 2026 ask for. v1alpha1 was removed in
// Kubernetes 1.24.
const (
	V1      APIVersion = "client.authentication.k8s.io/v1"
	V1Beta1 APIVersion = "client.authentication.k8s.io/v1beta1"
)

// ParseAPIVersion reads a version by its full name or by its last part, "v1"
// or "v1beta1". Its error is a *VersionError.
func ParseAPIVersion(s string) (APIVersion, error) {
	switch s {
	case string(V1), "v1":
		return V1, nil
	case string(V1Beta1), "v1beta1":
		return V1Beta1, nil
	}
	return "", &VersionError{Asked: printable(s)}
}

// VersionError is a request for a version that this package does not speak.
type VersionError struct {
	Asked string // "" where it cannot be repeated safely
}

func (e *VersionError) Error() string {
	asked := "an ExecCredential version"
	if e.Asked != "" {
		asked = e.Asked
	}
	return fmt.Sprintf("the client asked for %s; this program speaks %s and %s", asked, V1, V1Beta1)
}

// Request is what the client asked for.
type Request struct {
	// APIVersion is the version to answer in.
	APIVersion APIVersion
	// Present says that the client told anything at all. The Java and
	// JavaScript clients do not.
	Present bool
	// Interactive says that the client passed its standard input on. Some
	// clients say so without a terminal (kube-rs), some compute it from
	// stdout (Python): check the terminal as well.
	Interactive bool
	// Cluster is there only with provideClusterInfo: true.
	Cluster *Cluster
}

// Cluster is the part of spec.cluster that bears on a sign-in. All of it
// comes from the kubeconfig and is no more trusted than that file.
type Cluster struct {
	// Config is the cluster entry's extension named
	// client.authentication.k8s.io/exec, as JSON.
	Config json.RawMessage `json:"config"`
}

// ErrExecInfo is a variable that cannot be read. It says nothing of the
// content, which may hold a CA, a proxy's password or an extension with secrets.
var ErrExecInfo = errors.New(EnvExecInfo + " is not a JSON object")

// ParseRequest reads the value of KUBERNETES_EXEC_INFO. It is lenient where a
// client may differ (unset, empty, another kind, no spec, a spec of another
// shape) and answers those with the defaults: the version fallback and no
// interaction. It never repeats the value. Errors: a *VersionError, or
// ErrExecInfo.
func ParseRequest(execInfo string, fallback APIVersion) (Request, error) {
	req := Request{APIVersion: fallback}
	if strings.TrimSpace(execInfo) == "" {
		return req, nil
	}
	req.Present = true
	var info struct {
		APIVersion json.RawMessage `json:"apiVersion"`
		Spec       json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal([]byte(execInfo), &info); err != nil {
		return Request{}, ErrExecInfo
	}
	var version string
	if json.Unmarshal(info.APIVersion, &version) == nil && version != "" {
		v, err := ParseAPIVersion(version)
		if err != nil {
			return Request{}, err
		}
		req.APIVersion = v
	}
	req.Interactive, req.Cluster = parseSpec(info.Spec)
	return req, nil
}

func parseSpec(raw json.RawMessage) (interactive bool, cluster *Cluster) {
	var spec struct {
		Interactive json.RawMessage `json:"interactive"`
		Cluster     json.RawMessage `json:"cluster"`
	}
	if json.Unmarshal(raw, &spec) != nil {
		return false, nil
	}
	var c Cluster
	if json.Unmarshal(spec.Cluster, &c) == nil && len(c.Config) > 0 {
		cluster = &c
	}
	return string(spec.Interactive) == "true", cluster
}

// printable returns s if it can be shown on a terminal as it is, else "".
func printable(s string) string {
	const longest = 64
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("./-", r)
	}
	if len(s) > longest || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return ""
	}
	return s
}
