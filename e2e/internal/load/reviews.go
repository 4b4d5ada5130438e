package load

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"

	"github.com/kubecred/kubecred/e2e/internal/proc"
	"github.com/kubecred/kubecred/ldapexchange/issuer"
)

// Somebody in a file of users.
const (
	Somebody = "alice"
	Password = "correct horse battery staple"
)

// UsersFile is a directory of one, as settings of Options.
func UsersFile() (directory string, files map[string][]byte, err error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.DefaultCost)
	text := fmt.Appendf(nil, "users:\n- name: %s\n  email: alice@corp.example\n  groups: [admins, developers, operators]\n  passwordHash: %s\n", Somebody, hash)
	return "usersFile: users.yaml", map[string][]byte{"users.yaml": text}, err
}

// Reviews are an exchange on one core, and beside it, on one core, a bare handler that verifies the signature
// of the same token in the same request.
type Reviews struct {
	Exchange *Service
	Bare     Endpoint
	bare     *proc.Process
	request  []byte   // about a token that it has seen
	fresh    [][]byte // about more tokens than it remembers; only after SignMany
}

// StartReviews starts both. exchange and bare are programs.
func StartReviews(ctx context.Context, exchange, bare, algorithm string, plain bool) (*Reviews, error) {
	directory, files, err := UsersFile()
	if err != nil {
		return nil, err
	}
	r := &Reviews{}
	if r.Exchange, err = Start(ctx, Options{
		Program: exchange, Directory: directory, Files: files, Algorithm: algorithm, Plain: plain, Processors: 1,
	}); err != nil {
		return nil, err
	}
	if err := r.start(ctx, bare, plain); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// Stop ends both.
func (r *Reviews) Stop() {
	r.bare.Stop()
	r.Exchange.Stop()
}

func (r *Reviews) start(ctx context.Context, program string, plain bool) error {
	tokens, err := r.Exchange.MustTokens(r.Exchange.Login(Somebody, Password))
	if err != nil {
		return err
	}
	r.request = r.Exchange.Review(tokens.ID)
	if err := r.good(); err != nil {
		return err
	}
	return r.startBare(ctx, program, plain)
}

func (r *Reviews) startBare(ctx context.Context, program string, plain bool) error {
	address, err := FreeAddress()
	if err != nil {
		return err
	}
	args := []string{address, r.Exchange.path("bare.pem")}
	if err := r.writeKey(args[1]); err != nil {
		return err
	}
	scheme := "http"
	var authority []byte
	if !plain {
		scheme = "https"
		args = append(args, r.Exchange.path("bare.crt"), r.Exchange.path("bare.key"))
		if authority, err = writePair(args[2], args[3]); err != nil {
			return err
		}
	}
	if r.Bare, err = NewEndpoint(scheme+"://"+address, authority); err != nil {
		return err
	}
	r.bare, err = proc.Start(proc.Spec{Path: program, Args: args, Dir: filepath.Dir(args[1]), Env: append(os.Environ(), "GOMAXPROCS=1")})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return r.bare.Ready(ctx, func(context.Context) error { return r.Bare.answers("/") })
}

func writePair(certFile, keyFile string) (authority []byte, err error) {
	authority, cert, key, err := Certificates()
	if err != nil {
		return nil, err
	}
	return authority, errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600))
}

// good makes sure that the exchange says yes: a refusal is 200 too, and cheaper.
func (r *Reviews) good() error {
	_, body, err := r.Exchange.Once(r.request)
	var review struct{ Status struct{ Authenticated bool } }
	if err == nil {
		err = json.Unmarshal(body, &review)
	}
	if err == nil && !review.Status.Authenticated {
		err = fmt.Errorf("the review says %s", body)
	}
	return err
}

// writeKey writes the exchange's public key as PEM.
func (r *Reviews) writeKey(path string) error {
	status, body, err := r.Exchange.Once(r.Exchange.Get("/keys"))
	var set jose.JSONWebKeySet
	if err == nil {
		err = json.Unmarshal(body, &set)
	}
	if err != nil || status != http.StatusOK || len(set.Keys) != 1 {
		return fmt.Errorf("not one key: %d %s %v", status, body, err)
	}
	der, err := x509.MarshalPKIXPublicKey(set.Keys[0].Key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600)
}

// ReviewLines is how many connections an API server is played with: enough that the server never waits.
const ReviewLines = 8

// manyTokens are twice what the exchange remembers of them, so that each has been forgotten before it comes
// again.
const manyTokens = 24_000

// SignMany makes tokens with the exchange's own key, for FreshSide.
func (r *Reviews) SignMany() error {
	keys, err := issuer.Open(issuer.Options{Dir: r.Exchange.path("keys"), ReadOnly: true, Issuer: r.Exchange.URL})
	if err != nil {
		return err
	}
	r.fresh = make([][]byte, manyTokens)
	var group errgroup.Group
	for _, share := range slices.Collect(slices.Chunk(r.fresh, manyTokens/runtime.NumCPU()+1)) {
		group.Go(func() error {
			for i := range share {
				token, err := keys.Sign(somebody())
				if err != nil {
					return err
				}
				share[i] = r.Exchange.Review(token)
			}
			return nil
		})
	}
	return group.Wait()
}

// somebody is who a token of Login's is about.
func somebody() issuer.Claims {
	now := time.Now()
	return issuer.Claims{
		Kind: issuer.IDToken, Subject: rand.Text(), Name: Somebody, Email: "alice@corp.example", Groups: []string{"admins", "developers", "operators"},
		Audience: client, AuthorizedParty: client, Session: rand.Text() + "." + rand.Text(), ID: rand.Text(), IssuedAt: now, Expiry: now.Add(10 * time.Minute),
	}
}

// Side is one of the two, under load.
type Side struct {
	pid      int
	lines    []*Line
	requests [][]byte
	turn     atomic.Int64
}

// Sides opens connections to the bare handler and to the exchange.
func (r *Reviews) Sides() (bare, exchange *Side, err error) {
	if bare, err = side(r.Bare, r.bare.Pid(), r.request); err != nil {
		return nil, nil, err
	}
	if exchange, err = side(r.Exchange.Endpoint, r.Exchange.Pid(), r.request); err != nil {
		bare.Close()
	}
	return bare, exchange, err
}

// FreshSide opens connections to the exchange, to ask about tokens that it does not remember.
func (r *Reviews) FreshSide() (*Side, error) {
	return side(r.Exchange.Endpoint, r.Exchange.Pid(), r.fresh...)
}

func side(e Endpoint, pid int, requests ...[]byte) (*Side, error) {
	lines, err := e.Lines(ReviewLines)
	return &Side{pid: pid, lines: lines, requests: requests}, err
}

// Close closes the connections.
func (s *Side) Close() { Close(s.lines) }

// Run asks for d. It returns the time that one request took, counted by the clock and by the server's processor.
func (s *Side) Run(ctx context.Context, d time.Duration) (each, processor time.Duration, err error) {
	return Cost(ctx, s.pid, d, len(s.lines), func(worker int) error {
		next := s.turn.Add(1) % int64(len(s.requests))
		return Same(s.lines, s.requests[next])(worker)
	})
}
