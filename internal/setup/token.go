package setup

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/kubecred/kubecred/internal/owner"
	"github.com/kubecred/kubecred/internal/secret"
)

// Token is what a JWT says. Nothing of it is verified here: whoever got the
// token has done that.
type Token struct {
	owner.Token
	Algorithm string // that signs it
	Size      int    // in bytes
}

// ParseToken reads a JWT. Its error is owner.ErrOpaque.
func ParseToken(token secret.Text) (Token, error) {
	raw := token.Reveal()
	claims, err := owner.ReadToken(raw)
	if err != nil {
		return Token{}, err
	}
	var header struct {
		Alg string `json:"alg"`
	}
	part, _, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(data, &header) != nil {
		return Token{}, owner.ErrOpaque
	}
	return Token{claims, header.Alg, len(raw)}, nil
}

// texts reads a claim that is a text or a list of texts, as the API server does
// for groups. ok is false for anything else, and for what is not there.
func (t Token) texts(claim string) (list []string, ok bool) {
	list = t.List(claim)
	elements, several := t.Token[claim].([]any)
	return list, several && len(list) == len(elements) || !several && list != nil
}

// life is how long the token lives, from iat to exp; 0 where it does not say.
func (t Token) life() time.Duration {
	begin, end := t.Time("iat"), t.Time("exp")
	if begin.Unix() <= 0 || !end.After(begin) {
		return 0
	}
	return end.Sub(begin)
}

// SeeCertificate reads a client certificate in PEM as the API server does.
func SeeCertificate(chain string) Sight {
	certificate, err := owner.ReadCertificate(chain)
	if err != nil {
		return Sight{Refused: []string{err.Error()}}
	}
	return Sight{User: certificate.CommonName, Groups: certificate.Organizations}
}
