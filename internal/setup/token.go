package setup

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/secret"
)

// ErrOpaque is a token that is no JWT, which only who issued it can read.
var ErrOpaque = errors.New("it is no JWT, and an API server that verifies tokens itself takes nothing else")

// Token is what a JWT says. Nothing of it is verified here: whoever got the
// token has done that.
type Token struct {
	Claims    map[string]any // as encoding/json decodes them; the provider's own texts
	Algorithm string
	Size      int // of the token, in bytes
}

// ParseToken reads a JWT. Its error is ErrOpaque.
func ParseToken(token secret.Text) (Token, error) {
	raw := token.Reveal()
	parts := strings.Split(raw, ".")
	t := Token{Size: len(raw)}
	var header struct {
		Alg string `json:"alg"`
	}
	if len(parts) != 3 || decode(parts[0], &header) != nil || decode(parts[1], &t.Claims) != nil || t.Claims == nil {
		return Token{}, ErrOpaque
	}
	t.Algorithm = header.Alg
	return t, nil
}

func decode(part string, into any) error {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// Text is a claim that is a text, or "".
func (t Token) Text(claim string) string {
	text, _ := t.Claims[claim].(string)
	return text
}

// texts reads a claim that is a text or a list of texts, as the API server does
// for groups. ok is false for anything else, and for what is not there.
func (t Token) texts(claim string) (list []string, ok bool) {
	switch value := t.Claims[claim].(type) {
	case string:
		return []string{value}, true
	case []any:
		for _, v := range value {
			text, isText := v.(string)
			if !isText {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}

// life is how long the token lives, from iat to exp; 0 where it does not say.
func (t Token) life() time.Duration {
	end, _ := t.Claims["exp"].(float64)
	begin, _ := t.Claims["iat"].(float64)
	if begin <= 0 || end <= begin || end > 1<<37 { // past the year 6000
		return 0
	}
	return time.Duration(end-begin) * time.Second
}
