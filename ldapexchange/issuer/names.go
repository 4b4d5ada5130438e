package issuer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubecred/kubecred/internal/term"
)

// maxName is the longest user name, ID or group, in bytes. A group may be
// called by its distinguished name.
const maxName = 1024

// systemPrefix begins the names that Kubernetes keeps for itself:
// system:masters is every right there is.
const systemPrefix = "system:"

// checkNames holds for tokens and certificates alike. Errors: *NameError.
func checkNames(name, id string, groups []string, allowSystem bool) error {
	if name == "" || id == "" {
		return &NameError{term.Clean(name+id, 80), "stands alone: a user needs a name and an ID"}
	}
	for _, text := range append([]string{name, id}, groups...) {
		if reason := wrongName(text, allowSystem); reason != "" {
			return &NameError{term.Clean(text, 80), reason}
		}
	}
	return nil
}

func wrongName(text string, allowSystem bool) string {
	switch {
	case text == "":
		return "is empty"
	case len(text) > maxName:
		return "is too long"
	case !utf8.ValidString(text):
		return "is not UTF-8"
	case strings.ContainsFunc(text, unicode.IsControl):
		return "holds a control character"
	case !allowSystem && strings.HasPrefix(text, systemPrefix):
		return "is kept for Kubernetes itself"
	}
	return ""
}
