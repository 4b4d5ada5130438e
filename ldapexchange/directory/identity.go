package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// identify makes an Identity of an entry, if the account may in.
func (l *LDAP) identify(ctx context.Context, c *conn, found entry) (who Identity, err error) {
	if err := l.checkStatus(ctx, c, found); err != nil {
		return who, err
	}
	if who.Name, err = found.only(l.o.NameAttribute); err != nil {
		return who, err
	}
	if who.ID, err = l.idOf(found); err != nil {
		return who, err
	}
	if who.Groups, err = l.groups(ctx, c, found, who.Name); err != nil {
		return who, err
	}
	if l.o.LowerName {
		who.Name = strings.ToLower(who.Name)
	}
	if l.o.EmailAttribute != "" {
		who.Email = found.first(l.o.EmailAttribute)
	}
	if !printable(who.ID) || !printable(who.Name) || !printable(who.Email) {
		return who, errors.New("the user's entry holds an ID or a name that is no text")
	}
	return who, nil
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func (l *LDAP) idOf(found entry) (string, error) {
	value, err := found.only(l.o.IDAttribute)
	if err != nil || !l.o.IDIsGUID {
		return value, err
	}
	return guidText(value)
}

// idValue is what Lookup's filter compares with, escaped.
func (l *LDAP) idValue(id string) (string, error) {
	if len(id) > MaxName || id == "" || !printable(id) {
		return "", errors.New("this is no ID")
	}
	if !l.o.IDIsGUID {
		return escapeFilter(id), nil
	}
	raw, err := guidBytes(id)
	return escapeBytes(raw), err
}

// first returns an attribute's first value, or "".
func (e entry) first(attribute string) string {
	if values := e.attributes[strings.ToLower(attribute)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// only returns the value of an attribute that must have one. Of several none
// could be relied on to come first.
func (e entry) only(attribute string) (string, error) {
	values := e.attributes[strings.ToLower(attribute)]
	switch {
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("the user's entry shows no %s", attribute)
	case len(values) > 1:
		return "", fmt.Errorf("%w: the entry has more than one %s", ErrAmbiguous, attribute)
	}
	return values[0], nil
}

// Active Directory keeps a GUID as a structure of Windows: its first three
// parts are little-endian, and only the rest is in the order of the text ([MS-DTYP],
// section 2.3.4).
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// guidText writes 16 bytes as RFC 4122 does, in lower case.
func guidText(raw string) (string, error) {
	if len(raw) != 16 {
		return "", fmt.Errorf("a GUID has 16 bytes, not %d", len(raw))
	}
	var b [16]byte
	for i, from := range guidOrder {
		b[i] = raw[from]
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

// guidBytes is the reverse of guidText, for what it returns and nothing else.
func guidBytes(text string) (string, error) {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 {
		return "", errors.New("this is no GUID")
	}
	raw := make([]byte, 16)
	for i, to := range guidOrder {
		raw[to] = b[i]
	}
	if again, err := guidText(string(raw)); err != nil || again != text {
		return "", errors.New("this is no GUID")
	}
	return string(raw), nil
}
