package config

import (
	"slices"
	"time"
)

// Directory is LDAP or the users file; one of them is set.
type Directory struct {
	LDAP      *LDAP
	UsersFile string
}

// Preset is a kind of directory.
type Preset string

// The presets. They fill in what LDAP leaves empty.
const (
	RFC2307         Preset = "rfc2307"
	GroupOfNames    Preset = "groupOfNames"
	ActiveDirectory Preset = "activeDirectory"
)

// LDAP says where the directory is and how it is asked. Its keys are called as
// package directory calls its options, so that what that complains of can be
// found.
type LDAP struct {
	Preset       Preset
	URLs         []string
	CAFile       string // PEM; "" is the system's roots
	ServerName   string
	BindDN       string
	BindPassword Secret

	UserBase       string
	UserFilter     string
	BindTemplate   string
	IDAttribute    string
	NameAttribute  string
	EmailAttribute string
	PolicyDN       string
	Groups         Groups

	ConnectTimeout time.Duration
	RequestTimeout time.Duration
	MaxConnections int

	InsecurePlaintext  bool // MUST NOT be used over a network: passwords go in the clear
	InsecureSkipVerify bool // MUST NOT be used over a network: anyone in between reads the passwords
}

// Groups says how a person's groups are found.
type Groups struct {
	Mode          string
	Base          string
	Filter        string
	Attribute     string
	NameAttribute string
	Depth         int // -1: as the preset has it
}

// Secret is where a secret is read from: a file or a command, never the
// configuration itself.
type Secret struct {
	File    string
	Command []string // a program and its arguments, no shell
}

// Given reports whether there is one.
func (s Secret) Given() bool { return s.File != "" || len(s.Command) > 0 }

func (d *Directory) fields() []field {
	return []field{
		option("ldap", &d.LDAP, freshLDAP, "An LDAP directory"),
		file("usersFile", &d.UsersFile, "A YAML file of users with hashed passwords, for small places"),
	}
}

func freshLDAP() LDAP {
	return LDAP{
		ConnectTimeout: 5 * time.Second, RequestTimeout: 10 * time.Second, MaxConnections: 32,
		Groups: Groups{Depth: -1},
	}
}

func (l *LDAP) fields() []field {
	return slices.Concat(l.servers(), l.people(), []field{
		part("groups", &l.Groups, "How a person's groups are found"),
		span("connectTimeout", &l.ConnectTimeout, 100*time.Millisecond, time.Minute, "For a connection, and again for its TLS"),
		span("requestTimeout", &l.RequestTimeout, 100*time.Millisecond, time.Minute, "For each bind and each search"),
		number("maxConnections", &l.MaxConnections, 1, 1024, "Connections to the directory at one time"),
	})
}

func (l *LDAP) servers() []field {
	return []field{
		must(choice("preset", &l.Preset, "The kind of directory, which sets filters and attributes", RFC2307, GroupOfNames, ActiveDirectory)),
		must(words("urls", &l.URLs, "ldaps://host, or ldap://host, which changes to TLS before anything is sent; the first that answers is asked", ldapURL)),
		file("caFile", &l.CAFile, "PEM file of the authorities that may sign the servers' certificates; by default the system's"),
		text("serverName", &l.ServerName, "The name in the servers' certificates, where it is not the host's"),
		truth("insecurePlaintext", &l.InsecurePlaintext, "Speak to ldap:// without TLS: passwords go in the clear"),
		truth("insecureSkipVerify", &l.InsecureSkipVerify, "Believe any server's certificate"),
		text("bindDN", &l.BindDN, "The service account that searches; without it the search is anonymous"),
		file("bindPasswordFile", &l.BindPassword.File, "A file that holds its password; read again when it changes"),
		words("bindPasswordCommand", &l.BindPassword.Command, "A program and its arguments that print its password; no shell"),
	}
}

func (l *LDAP) people() []field {
	return []field{
		must(text("userBase", &l.UserBase, "Where people are, with all below it (a DN)")),
		text("userFilter", &l.UserFilter, "Which entry is the person's; {name} stands for what was typed, escaped"),
		text("bindTemplate", &l.BindTemplate, "Instead of a search before the bind: a DN or user principal name with {name}", named),
		text("idAttribute", &l.IDAttribute, "What stays when a person is renamed, and is never given to another"),
		text("nameAttribute", &l.NameAttribute, "The user name"),
		text("emailAttribute", &l.EmailAttribute, "The mail address"),
		text("policyDN", &l.PolicyDN, "OpenLDAP's password policy for people whose entry names none (a DN)"),
	}
}

func (g *Groups) fields() []field {
	return []field{
		choice("mode", &g.Mode, "How they are found; by default as the preset has it", "memberOf", "search", "tokenGroups", "none"),
		text("base", &g.Base, "Where groups are, with all below it (a DN); with memberOf others are left out"),
		text("filter", &g.Filter, "Which groups are a person's; {dn}, {name} and {attribute} stand for what the person's entry holds, escaped"),
		text("attribute", &g.Attribute, "Holds the DNs of an entry's groups, for memberOf"),
		text("nameAttribute", &g.NameAttribute, "The group's name, or dn"),
		// -1 is how the reader remembers that nothing was said.
		depth("depth", &g.Depth, "How far groups within groups are followed; by default as the preset has it"),
	}
}

// depth is a number whose default is the preset's.
func depth(key string, to *int, doc string) field {
	f := number(key, to, 0, 50, doc)
	f.schema = func() object { return object{"type": "integer", "minimum": 0, "maximum": 50} }
	return f
}
