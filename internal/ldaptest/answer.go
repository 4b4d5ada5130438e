package ldaptest

import (
	"slices"
	"strconv"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Answer stands in for the server's own. The zero Answer is a bare success.
type Answer struct {
	Code       int    // the result code
	Diagnostic string // the server's words
	Referral   []string
	References []string // search result references, before the end
	Entries    []Entry
	Controls   []*ber.Packet

	Stall bool   // say nothing and go on reading
	Hang  bool   // say nothing and read nothing any more
	Close bool   // end the connection
	Raw   []byte // send this and no answer
	Flood bool   // send entries for as long as they are taken
}

// The tags of responses (RFC 4511).
const (
	bindResponse     = 1
	searchEntry      = 4
	searchDone       = 5
	searchReference  = 19
	extendedResponse = 24
)

// answer reports whether the connection goes on.
func (c *session) answer(r *Request) bool {
	if c.server.Answer != nil {
		if a := c.server.Answer(r); a != nil {
			return c.play(r, a)
		}
	}
	switch r.Operation {
	case Bind:
		return c.play(r, c.bind(r))
	case Search:
		return c.play(r, c.search(r))
	case WhoAmI:
		return c.whoAmI(r)
	case StartTLS:
		if c.secure || !c.play(r, &Answer{}) {
			return false
		}
		c.encrypt()
		return true
	}
	return r.Operation != Unbind && c.play(r, &Answer{Code: 2})
}

// play sends an answer.
func (c *session) play(r *Request, a *Answer) bool {
	switch {
	case a.Stall:
		return true
	case a.Hang:
		<-c.server.ended
		return false
	case a.Raw != nil:
		_, err := c.conn.Write(a.Raw)
		return err == nil && !a.Close
	case a.Close:
		return false
	case a.Flood:
		for c.send(r, entryPacket(a.Entries[0], nil)) {
		}
		return false
	}
	for _, e := range a.Entries {
		if !c.send(r, entryPacket(e, r.Attributes)) {
			return false
		}
	}
	for _, reference := range a.References {
		p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, searchReference, nil, "")
		p.AppendChild(octets(reference))
		if !c.send(r, p) {
			return false
		}
	}
	return c.send(r, result(r.Operation, a), a.Controls...)
}

// bind accepts an entry's password, and no password at all, as servers do that
// follow RFC 4513, section 5.1.2, to the letter.
func (c *session) bind(r *Request) *Answer {
	dn := r.DN
	if login, ok := c.server.Logins[r.DN]; ok {
		dn = login
	}
	e, ok := c.server.find(dn)
	switch {
	case r.Password == "":
		c.bound = ""
		return &Answer{}
	case !ok || e.Password == "" || e.Password != r.Password:
		c.bound = ""
		return &Answer{Code: 49, Diagnostic: "no luck for " + r.DN + " with " + r.Password}
	}
	c.bound = e.DN
	return &Answer{}
}

func (c *session) whoAmI(r *Request) bool {
	who := "dn:" + c.bound
	if c.server.WhoAmI != nil {
		who = c.server.WhoAmI(c.bound)
	}
	p := result(WhoAmI, &Answer{})
	p.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, who, ""))
	return c.send(r, p)
}

// search answers as asked: no more than the size limit, a page where one is
// asked for.
func (c *session) search(r *Request) *Answer {
	found := c.server.match(r)
	if r.SizeLimit > 0 && len(found) > r.SizeLimit {
		return &Answer{Code: 4, Entries: found[:r.SizeLimit]}
	}
	if r.page == nil {
		return &Answer{Entries: found}
	}
	from, _ := strconv.Atoi(r.page.cookie)
	from = min(from, len(found))
	to, cookie := min(from+r.page.size, len(found)), ""
	if to < len(found) {
		cookie = strconv.Itoa(to)
	}
	return &Answer{Entries: found[from:to], Controls: []*ber.Packet{PageControl(cookie)}}
}

// PageControl is the control that says where the next page begins; "" is none.
func PageControl(cookie string) *ber.Packet {
	value := ber.NewSequence("")
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 0, ""))
	value.AppendChild(octets(cookie))
	return Control(pagingOID, value.Bytes())
}

// Control is a control of a response.
func Control(oid string, value []byte) *ber.Packet {
	control := ber.NewSequence("")
	control.AppendChild(octets(oid))
	control.AppendChild(octets(string(value)))
	return control
}

// PolicyControl is what a password policy has against an account, by its number
// (draft-behera-ldap-password-policy-10, section 6.2).
func PolicyControl(number byte) *ber.Packet {
	return Control("1.3.6.1.4.1.42.2.27.8.5.1", []byte{0x30, 3, 0x81, 1, number})
}

func result(op Operation, a *Answer) *ber.Packet {
	tag := map[Operation]ber.Tag{Bind: bindResponse, Search: searchDone}[op]
	if tag == 0 {
		tag = extendedResponse
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, a.Code, ""))
	p.AppendChild(octets(""))
	p.AppendChild(octets(a.Diagnostic))
	if len(a.Referral) > 0 {
		referral := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "")
		for _, url := range a.Referral {
			referral.AppendChild(octets(url))
		}
		p.AppendChild(referral)
	}
	return p
}

// entryPacket holds the attributes that were asked for; all where none was
// named. One that is asked for by its name is not sent with an option, but a
// range is.
func entryPacket(e Entry, wanted []string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, searchEntry, nil, "")
	p.AppendChild(octets(e.DN))
	list := ber.NewSequence("")
	for name, values := range e.Attributes {
		if len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w string) bool { return covers(w, name) }) {
			continue
		}
		attribute := ber.NewSequence("")
		attribute.AppendChild(octets(name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, value := range values {
			set.AppendChild(octets(value))
		}
		attribute.AppendChild(set)
		list.AppendChild(attribute)
	}
	p.AppendChild(list)
	return p
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func (c *session) send(r *Request, op *ber.Packet, controls ...*ber.Packet) bool {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, r.id, ""))
	message.AppendChild(op)
	if len(controls) > 0 {
		list := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, control := range controls {
			list.AppendChild(control)
		}
		message.AppendChild(list)
	}
	_, err := c.conn.Write(message.Bytes())
	return err == nil
}

// Packet is an encoded value.
type Packet = ber.Packet
