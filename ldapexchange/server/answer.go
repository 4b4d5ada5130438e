package server

// What is answered: JSON, or a refusal in OAuth's form (RFC 6749, section 5.2).

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/term"
)

// refusal is an answer that is not what was asked for. Its code and description
// are fixed texts and hold nothing of the request.
type refusal struct {
	status      int
	code        string
	description string
	reason      string        // for the audit and the metrics: one of few
	challenge   string        // WWW-Authenticate
	retry       time.Duration // Retry-After
	cause       error         // for the log
}

// outcome tells "no" from "cannot say".
func (r *refusal) outcome() string {
	if r.status >= 500 {
		return "failed"
	}
	return "refused"
}

func (r *refusal) write(c *call) {
	h := c.w.Header()
	if r.challenge != "" {
		h.Set("WWW-Authenticate", r.challenge)
	}
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(r.retry.Seconds()))))
	}
	c.json(r.status, struct {
		Code        string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{r.code, r.description})
}

func (c *call) json(status int, value any) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // our own types
	}
	c.send(status, "application/json", body.Bytes())
}

func (c *call) send(status int, contentType string, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body) // whoever has gone needs no answer
}

func malformed(description string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_request", description: description, reason: "malformed"}
}

func tooLarge(limit int64) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, code: "invalid_request", reason: "too large",
		description: fmt.Sprintf("the request is larger than %d bytes", limit)}
}

// unavailable is "later". It MUST NOT be told as a "no".
func unavailable(what string, cause error) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: "temporarily_unavailable", reason: what + " unavailable",
		description: "the exchange cannot answer at the moment: try again later", cause: cause}
}

func internal(cause error) *refusal {
	return &refusal{status: http.StatusInternalServerError, code: "server_error", reason: "internal", cause: cause}
}

// maxTold bounds what one attribute of a line shows, in runes.
const maxTold = 256

// say adds to the audit line, each key once. What comes from outside is cleaned
// here.
func (c *call) say(key, value string) {
	if value == "" || slices.ContainsFunc(c.about, func(a slog.Attr) bool { return a.Key == key }) {
		return
	}
	c.about = append(c.about, slog.String(key, printable(value)))
}

// tell writes the audit line.
func (c *call) tell(outcome, reason string) {
	c.s.metrics.decision(c.event, outcome, reason)
	attrs := make([]slog.Attr, 0, len(c.about)+5)
	attrs = append(attrs, slog.String("decision", outcome))
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	attrs = append(attrs, slog.String("request", c.id), slog.String("address", c.address.String()))
	c.s.o.Audit.LogAttrs(c.r.Context(), slog.LevelInfo, c.event, append(attrs, c.about...)...)
}

// log tells operators of an error, unless its text repeats a secret of the
// request: libraries do.
func (c *call) log(level slog.Level, message string, err error) {
	text := term.Clean(err.Error(), 4*maxTold)
	for _, s := range c.secrets {
		if strings.Contains(err.Error(), s.Reveal()) {
			text = "its text holds a secret"
		}
	}
	c.s.o.Log.LogAttrs(c.r.Context(), level, message,
		slog.String("request", c.id), slog.String("route", c.event), slog.String("error", text))
}

// printable is term.Clean, without its work where there is none to do.
func printable(text string) string {
	if len(text) > maxTold {
		return term.Clean(text, maxTold)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return term.Clean(text, maxTold)
		}
	}
	return text
}
