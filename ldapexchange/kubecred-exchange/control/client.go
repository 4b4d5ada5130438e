package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Client asks a service that runs. It is an Operator.
type Client struct{ http *http.Client }

// Dial returns a Client of the service that listens in folder, or
// ErrNotRunning.
func Dial(ctx context.Context, folder string) (*Client, error) {
	dial := func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		err = reachable(folder, func(address string) error {
			conn, err = new(net.Dialer).DialContext(ctx, "unix", address)
			return err
		})
		return conn, err
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil, notRunning(err)
	}
	conn.Close()
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, nil
}

// Rotate implements Operator.
func (c *Client) Rotate(ctx context.Context, replace bool) (r Rotation, err error) {
	err = c.ask(ctx, http.MethodPost, "/rotate", replace, &r)
	return r, err
}

// Revoke implements Operator.
func (c *Client) Revoke(ctx context.Context, t Target) (n int, err error) {
	err = c.ask(ctx, http.MethodPost, "/revoke", t, &n)
	return n, err
}

// Sessions implements Operator.
func (c *Client) Sessions(ctx context.Context) (all []Session, err error) {
	err = c.ask(ctx, http.MethodGet, "/sessions", nil, &all)
	return all, err
}

// Backup implements Operator.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	body, err := c.send(ctx, http.MethodGet, "/backup", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("the copy broke off: %w", err)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	body, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(out)
}

func (c *Client) send(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var text bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&text).Encode(in); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://control"+path, &text)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, notRunning(err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, refusal(response)
	}
	return response.Body, nil
}

func refusal(r *http.Response) error {
	said, _ := io.ReadAll(io.LimitReader(r.Body, maxRequest)) // half a reason is one
	if r.StatusCode == http.StatusNotFound {
		return ErrTarget
	}
	return errors.New(strings.TrimSpace(string(said)))
}
