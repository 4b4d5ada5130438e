package selfreview

// The server's answer, read by exact names: encoding/json's structs would take
// "Username" for "username" too.

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kubecred/kubecred/internal/httpclient"
	"github.com/kubecred/kubecred/internal/term"
)

const (
	maxGroups = 10_000 // of a user, and of the values of one extra
	maxExtra  = 100    // keys
)

// Errors of parse. None repeats anything of the answer.
var (
	errNoJSON  = errors.New("its answer is no JSON object")
	errKind    = errors.New("its answer is no SelfSubjectReview")
	errNoUser  = errors.New("its answer names no user")
	errShape   = errors.New("its answer has another shape")
	errTooMany = errors.New("its answer lists too much")
)

type object = map[string]any

// parse reads a SelfSubjectReview.
func parse(body []byte) (User, error) {
	var review object
	if json.Unmarshal(body, &review) != nil || review == nil {
		return User{}, errNoJSON
	}
	if review["kind"] != "SelfSubjectReview" || review["apiVersion"] != "authentication.k8s.io/v1" {
		return User{}, errKind
	}
	status, _ := review["status"].(object)
	info, _ := status["userInfo"].(object)
	name, _ := info["username"].(string)
	if name == "" {
		return User{}, errNoUser
	}
	user := User{Name: name}
	var err error
	if uid, present := info["uid"]; present {
		var text bool
		if user.UID, text = uid.(string); !text {
			return User{}, errShape
		}
	}
	if user.Groups, err = texts(info["groups"]); err != nil {
		return User{}, err
	}
	user.Extra, err = extra(info["extra"])
	return user, err
}

// texts reads a list of texts, or none.
func texts(value any) ([]string, error) {
	if value == nil {
		return nil, nil
	}
	elements, ok := value.([]any)
	switch {
	case !ok:
		return nil, errShape
	case len(elements) > maxGroups:
		return nil, errTooMany
	}
	list := make([]string, len(elements))
	for i, element := range elements {
		if list[i], ok = element.(string); !ok {
			return nil, errShape
		}
	}
	return list, nil
}

func extra(value any) (map[string][]string, error) {
	if value == nil {
		return nil, nil
	}
	entries, ok := value.(object)
	switch {
	case !ok:
		return nil, errShape
	case len(entries) > maxExtra:
		return nil, errTooMany
	}
	all := make(map[string][]string, len(entries))
	for key, values := range entries {
		list, err := texts(values)
		if err != nil {
			return nil, err
		}
		all[key] = list
	}
	return all, nil
}

// refusal reads what a server answers instead of a review: a Status
// (meta/v1), or anything, of which nothing is repeated.
func refusal(host string, code int, body []byte) error {
	if httpclient.Overloaded(code) {
		return &NetworkError{Host: host, Status: code}
	}
	refused := &RefusedError{Host: host, Status: code}
	var status object
	if json.Unmarshal(body, &status) == nil && status["kind"] == "Status" && code != http.StatusNotFound {
		message, _ := status["message"].(string)
		refused.Text = term.Clean(message, maxText)
	}
	return refused
}
