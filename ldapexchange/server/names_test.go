package server

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	tests := map[string]struct {
		names   Names
		who     Identity
		want    string
		groups  []string
		dropped int
	}{
		"as they are":          {Names{}, Identity{Name: "Alice", Groups: []string{"b", "a", "b"}}, "Alice", []string{"a", "b"}, 0},
		"folded":               {Names{Lowercase: true}, Identity{Name: "ALICE", Groups: []string{"Admins"}}, "alice", []string{"Admins"}, 0},
		"prefixes":             {Names{UserPrefix: "u:", GroupPrefix: "g:"}, Identity{Name: "a", Groups: []string{"x"}}, "u:a", []string{"g:x"}, 0},
		"filtered":             {Names{KeepGroup: func(g string) bool { return g == "k8s" }}, Identity{Name: "a", Groups: []string{"k8s", "mail"}}, "a", []string{"k8s"}, 0},
		"a reserved group":     {Names{}, Identity{Name: "a", Groups: []string{"system:masters", "x"}}, "a", []string{"x"}, 1},
		"harmless by prefix":   {Names{GroupPrefix: "g:"}, Identity{Name: "a", Groups: []string{"system:masters"}}, "a", []string{"g:system:masters"}, 0},
		"reserved by a split":  {Names{GroupPrefix: "sys"}, Identity{Name: "a", Groups: []string{"tem:masters"}}, "a", nil, 1},
		"let through":          {Names{InsecureAllowSystem: true}, Identity{Name: "system:a", Groups: []string{"system:masters"}}, "system:a", []string{"system:masters"}, 0},
		"unsound groups":       {Names{}, Identity{Name: "a", Groups: []string{"", "x\ny", "\xff", strings.Repeat("g", 2000), "ok, \"ü\" 🙂"}}, "a", []string{"ok, \"ü\" 🙂"}, 4},
		"reserved":             {Names{}, Identity{Name: "system:admin"}, "", nil, 0},
		"reserved when folded": {Names{Lowercase: true}, Identity{Name: "SYSTEM:admin"}, "", nil, 0},
		"a line break":         {Names{}, Identity{Name: "a\nb"}, "", nil, 0},
		"no UTF-8":             {Names{}, Identity{Name: "\xff"}, "", nil, 0},
		"too many groups":      {Names{MaxGroups: 1}, Identity{Name: "a", Groups: []string{"x", "y"}}, "", nil, 0},
		"many, but one":        {Names{MaxGroups: 1}, Identity{Name: "a", Groups: []string{"x", "x"}}, "a", []string{"x"}, 0},
	}
	for name, test := range tests {
		a, r := test.names.account(test.who)
		if (r != nil) != (test.want == "") || a.name != test.want || !slices.Equal(a.groups, test.groups) || a.dropped != test.dropped {
			t.Errorf("%s: %+v, %v", name, a, r)
		}
	}
}

func TestReservedNamesAreTold(t *testing.T) {
	w := newWorld(t)
	w.directory.people["alice"] = Identity{ID: "id-alice", Name: "system:admin"}
	answer := w.login()
	answer.refused(t, 400, "interaction_required")
	if !strings.Contains(answer.body, "reserved") {
		t.Errorf("%s", answer.body)
	}
	w.directory.people["alice"] = Identity{ID: "id-alice", Name: "alice", Groups: []string{"system:masters"}}
	w.login().tokens(t)
	if w.lastLine("password")["groups_left_out"] != "1" {
		t.Errorf("audit: %v", w.lastLine("password"))
	}
}

func TestOptionsRefuse(t *testing.T) {
	tests := map[string]func(*Options){
		"no directory":           func(o *Options) { o.Directory = nil },
		"no revocations":         func(o *Options) { o.Revocations = nil },
		"no issuer":              func(o *Options) { o.Issuer = "" },
		"a query":                func(o *Options) { o.Issuer += "?x" },
		"a slash at the end":     func(o *Options) { o.Issuer += "/" },
		"a blank in the path":    func(o *Options) { o.Issuer += "/a b" },
		"a brace in the path":    func(o *Options) { o.Issuer += "/a%7Bb" },
		"no client":              func(o *Options) { o.Clients = nil },
		"a client twice":         func(o *Options) { o.Clients = append(o.Clients, o.Clients[0]) },
		"the exchange's own":     func(o *Options) { o.Clients[0].Audiences = []string{issuer} },
		"a client as audience":   func(o *Options) { o.Clients[0].Audiences = []string{"only-a"} },
		"a cluster twice":        func(o *Options) { o.Clusters = append(o.Clusters, o.Clusters[0]) },
		"one audience for two":   func(o *Options) { o.Clusters[1].Audience = "cluster-a" },
		"a path as a name":       func(o *Options) { o.Clusters[0].Name = "a/b" },
		"no audience":            func(o *Options) { o.Clusters[0].Audience = "" },
		"a client's whole range": func(o *Options) { o.Clusters[0].Audience = "kubernetes" },
		"system: by prefix":      func(o *Options) { o.Names.UserPrefix = "system:" },
	}
	for name, change := range tests {
		w := newWorld(t)
		o := w.server.o
		o.Clients, o.Clusters = slices.Clone(o.Clients), slices.Clone(o.Clusters)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
