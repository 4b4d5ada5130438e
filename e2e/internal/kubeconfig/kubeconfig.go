// Package kubeconfig writes kubeconfigs with an exec block, by client-go's own hand.
package kubeconfig

import (
	"fmt"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// The two versions of the exec credential protocol that clients speak.
const (
	V1      = "client.authentication.k8s.io/v1"
	V1beta1 = "client.authentication.k8s.io/v1beta1"
)

// Exec is a user's exec block.
type Exec struct {
	APIVersion  string // V1 where it is ""
	Command     string
	Args        []string
	Env         []string // NAME=value
	Mode        api.ExecInteractiveMode
	ClusterInfo bool
	InstallHint string
}

// Config is the exec block as client-go has it.
func (e Exec) Config() *api.ExecConfig {
	config := &api.ExecConfig{
		APIVersion: e.APIVersion, Command: e.Command, Args: e.Args,
		InteractiveMode: e.Mode, ProvideClusterInfo: e.ClusterInfo, InstallHint: e.InstallHint,
	}
	if config.APIVersion == "" {
		config.APIVersion = V1
	}
	if config.InteractiveMode == "" {
		config.InteractiveMode = api.IfAvailableExecInteractiveMode
	}
	for _, variable := range e.Env {
		name, value, _ := strings.Cut(variable, "=")
		config.Env = append(config.Env, api.ExecEnvVar{Name: name, Value: value})
	}
	return config
}

// Write writes a kubeconfig for one cluster and one user, whose context is current.
func Write(path, server string, ca []byte, e Exec) error {
	config := api.NewConfig()
	config.Clusters["e2e"] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos["person"] = &api.AuthInfo{Exec: e.Config()}
	config.Contexts["e2e"] = &api.Context{Cluster: "e2e", AuthInfo: "person"}
	config.CurrentContext = "e2e"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}
