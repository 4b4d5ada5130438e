package ldaptest

import (
	"errors"
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Operation is what a request asks for (RFC 4511, section 4.2 and following).
type Operation string

// The operations that the server knows.
const (
	Bind     Operation = "bind"
	Unbind   Operation = "unbind"
	Search   Operation = "search"
	StartTLS Operation = "StartTLS"
	WhoAmI   Operation = "whoami"
	Other    Operation = "other"
)

// Request is what the server was asked, decoded.
type Request struct {
	Operation  Operation
	Connection int    // counted from 1
	TLS        bool   // whether it came over TLS
	BoundAs    string // the DN that was bound before

	DN       string // of a bind
	Password string // of a bind

	Base       string // of a search, as the following
	Scope      int
	SizeLimit  int
	Filter     Filter
	Attributes []string

	Controls []string // their OIDs
	id       int64
	page     *page
}

// Filter is a decoded filter. Value is what is compared with, without any
// escape: what the client meant, byte by byte.
type Filter struct {
	Op        string // "and", "or", "not", "=", ">=", "<=", "~=", "present", "substring", "rule"
	Attribute string
	Value     string // of a substring filter, its parts with * between
	Rule      string // the OID of a matching rule
	Children  []Filter
}

// String writes the filter so that two different ones look different: values
// are quoted as in Go.
func (f Filter) String() string {
	switch f.Op {
	case "and", "or", "not":
		var parts []string
		for _, child := range f.Children {
			parts = append(parts, child.String())
		}
		return f.Op + "(" + strings.Join(parts, ", ") + ")"
	case "present":
		return "present " + f.Attribute
	case "rule":
		return fmt.Sprintf("%s:%s:=%q", f.Attribute, f.Rule, f.Value)
	}
	return fmt.Sprintf("%s %s %q", f.Attribute, f.Op, f.Value)
}

var errMalformed = errors.New("a malformed request")

// decode reads a message. A request of another shape than RFC 4511's ends in an
// error or a panic, which ends the test as well.
func decode(message *ber.Packet) (*Request, error) {
	if len(message.Children) < 2 {
		return nil, errMalformed
	}
	id, ok := message.Children[0].Value.(int64)
	if !ok {
		return nil, errMalformed
	}
	r := &Request{id: id, Operation: Other}
	op := message.Children[1]
	switch op.Tag {
	case 0:
		r.Operation, r.DN, r.Password = Bind, text(op.Children[1]), text(op.Children[2])
	case 2:
		r.Operation = Unbind
	case 3:
		r.search(op)
	case 23:
		r.extended(text(op.Children[0]))
	}
	if len(message.Children) > 2 {
		r.controls(message.Children[2])
	}
	return r, nil
}

func (r *Request) search(op *ber.Packet) {
	r.Operation = Search
	r.Base, r.Scope, r.SizeLimit = text(op.Children[0]), number(op.Children[1]), number(op.Children[3])
	r.Filter = decodeFilter(op.Children[6])
	for _, attribute := range op.Children[7].Children {
		r.Attributes = append(r.Attributes, text(attribute))
	}
}

func (r *Request) extended(oid string) {
	switch oid {
	case "1.3.6.1.4.1.1466.20037":
		r.Operation = StartTLS
	case "1.3.6.1.4.1.4203.1.11.3":
		r.Operation = WhoAmI
	}
}

const pagingOID = "1.2.840.113556.1.4.319"

// page is the control for paged results (RFC 2696).
type page struct {
	size   int
	cookie string
}

func (r *Request) controls(list *ber.Packet) {
	for _, control := range list.Children {
		oid := text(control.Children[0])
		r.Controls = append(r.Controls, oid)
		if oid == pagingOID {
			value := ber.DecodePacket(control.Children[len(control.Children)-1].ByteValue)
			r.page = &page{number(value.Children[0]), text(value.Children[1])}
		}
	}
}

func decodeFilter(p *ber.Packet) Filter {
	switch p.Tag {
	case 0, 1, 2:
		f := Filter{Op: []string{"and", "or", "not"}[p.Tag]}
		for _, child := range p.Children {
			f.Children = append(f.Children, decodeFilter(child))
		}
		return f
	case 4:
		return Filter{Op: "substring", Attribute: text(p.Children[0]), Value: substrings(p.Children[1])}
	case 7:
		return Filter{Op: "present", Attribute: text(p)}
	case 9:
		return decodeRule(p)
	}
	ops := map[ber.Tag]string{3: "=", 5: ">=", 6: "<=", 8: "~="}
	return Filter{Op: ops[p.Tag], Attribute: text(p.Children[0]), Value: text(p.Children[1])}
}

func substrings(parts *ber.Packet) string {
	var value string
	for _, part := range parts.Children {
		if part.Tag != 0 {
			value += "*"
		}
		value += text(part)
		if part.Tag == 0 {
			value += "*"
		}
	}
	return value
}

func decodeRule(p *ber.Packet) Filter {
	f := Filter{Op: "rule"}
	for _, part := range p.Children {
		switch part.Tag {
		case 1:
			f.Rule = text(part)
		case 2:
			f.Attribute = text(part)
		case 3:
			f.Value = text(part)
		}
	}
	return f
}

// text is a packet's content, whatever its tag.
func text(p *ber.Packet) string {
	if len(p.ByteValue) > 0 {
		return string(p.ByteValue)
	}
	return p.Data.String()
}

func number(p *ber.Packet) int {
	n, _ := p.Value.(int64)
	return int(n)
}
