package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubecred/kubecred/internal/oidctest"
)

// The surroundings of a script: ports, files, certificates and a proxy.

// fill replaces $NAME by the script's variables in files.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fill FILE…")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// seal takes the right to write to a folder and what is in it away from
// everyone, "! seal" gives it back: "seal FOLDER".
func seal(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] seal FOLDER")
	}
	ts.Check(setSealed(args[0], !neg))
	ts.Defer(func() { setSealed(args[0], false) })
}

// setSealed uses modes, which root passes over: for root it is the attribute
// of Linux file systems that makes files immutable.
func setSealed(folder string, sealed bool) error {
	modes, attribute := "u+w", "-i"
	if sealed {
		modes, attribute = "u-w", "+i"
	}
	if os.Geteuid() == 0 {
		return exec.Command("chattr", "-R", attribute, folder).Run()
	}
	return exec.Command("chmod", "-R", modes, folder).Run()
}

func canSeal() bool {
	folder, err := os.MkdirTemp("", "seal")
	if err != nil || runtime.GOOS == "windows" {
		return false
	}
	defer os.Remove(folder)
	defer setSealed(folder, false)
	return setSealed(folder, true) == nil
}

// free sets variables to ports that nobody listens on: "free PORT…".
func free(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		listener := listen(ts, name)
		listener.Close()
	}
}

// hold does the same and keeps them busy until the script ends.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		listener := listen(ts, name)
		ts.Defer(func() { listener.Close() })
	}
}

func listen(ts *testscript.TestScript, name string) net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(name, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	return listener
}

// keypair makes the certificate of a local server, which the browser is then
// to trust: "keypair CERT KEY".
func keypair(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keypair CERT KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{args[0]: {Type: "CERTIFICATE", Bytes: der}, args[1]: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(block), 0o600))
	}
	ts.Setenv(oidctest.EnvBrowserCA, ts.MkAbs(args[0]))
}

// proxy is an HTTP proxy behind which the provider, which must speak https, is
// https://issuer.test. Nothing else is.
type proxy struct {
	target string
	tunnel atomic.Int32
}

// useProxy starts the proxy and lets the provider call itself so; "proxy N"
// holds how many tunnels were asked for.
func useProxy(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if len(args) == 1 {
		if got := strconv.Itoa(int(w.proxy.tunnel.Load())); got != args[0] {
			ts.Fatalf("%s tunnels through the proxy, want %s", got, args[0])
		}
		return
	}
	const outside = "https://issuer.test"
	inside := w.provider.URL
	w.proxy = &proxy{target: strings.TrimPrefix(inside, "https://")}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := &http.Server{Handler: w.proxy, ReadHeaderTimeout: patience}
	go server.Serve(listener)
	ts.Defer(func() { server.Close() })
	w.provider.Apply(oidctest.Claim("iss", outside), oidctest.Edit(oidctest.Discovery, func(a *oidctest.Answer) {
		for name, value := range a.Body {
			if text, ok := value.(string); ok {
				a.Body[name] = strings.Replace(text, inside, outside, 1)
			}
		}
	}))
	ts.Setenv("PROXY", "http://"+listener.Addr().String())
	ts.Setenv("ISSUER", outside)
	ts.Setenv("FLAGS", "--oidc-issuer-url="+outside)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.tunnel.Add(1)
	if r.Method != http.MethodConnect || r.Host != "issuer.test:443" {
		http.Error(w, "there is nothing there", http.StatusBadGateway)
		return
	}
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		http.Error(w, "it cannot be reached", http.StatusBadGateway)
		return
	}
	defer far.Close()
	// First the connection, then the answer: else the server may take the first
	// byte of what the client sends after it.
	near, client, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer near.Close()
	if _, err := io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { io.Copy(far, client); far.Close() })
	both.Go(func() { io.Copy(near, far); near.Close() })
	both.Wait()
}
