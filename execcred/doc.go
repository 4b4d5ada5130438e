// Package execcred speaks the exec credential protocol of Kubernetes: it
// reads the KUBERNETES_EXEC_INFO variable that a client sets and writes the
// one ExecCredential object that it expects on stdout.
//
// It is written against the published API, client.authentication.k8s.io/v1
// and v1beta1, with the standard library alone: linking client-go would cost
// each kubectl call about 2 ms. Tests elsewhere drive it with client-go itself
// (plugin/pkg/client/auth/exec).
package execcred
