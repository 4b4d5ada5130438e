package config

// What each section holds: its keys, their defaults and what they mean. The
// reader and the schema are made of this.

import "time"

func defaults() *Config {
	return &Config{
		Listen:    Listen{Address: ":8443", Drain: 15 * time.Second, Connections: 16384},
		Directory: Directory{},
		Tokens: Tokens{
			Lifetime: 10 * time.Minute, Session: 12 * time.Hour, Algorithm: "RS256",
			Rotation: 30 * day, MaxSize: 12 << 10,
		},
		Identity: Identity{Lowercase: true, MaxGroups: 500},
		Limits:   Limits{FailuresPerUser: 4, FailuresPerAddress: 50, Window: 15 * time.Minute, Body: 64 << 10},
		Log:      Log{Level: "info"},
	}
}

const day = 24 * time.Hour

func (c *Config) fields() []field {
	return []field{
		must(text("issuer", &c.Issuer, "The service's own URL, as clusters and clients name it: https, without a query", issuerURL)),
		part("listen", &c.Listen, "Where the service answers"),
		option("metrics", &c.Metrics, freshMetrics, "A listener of its own for Prometheus, /livez and /readyz, in plain HTTP; without it there are no metrics"),
		must(part("directory", &c.Directory, "Who may sign in: ldap or usersFile, one of them")),
		must(several("clients", &c.Clients, freshClient, "The public OAuth 2 clients")),
		several("clusters", &c.Clusters, freshCluster, "The clusters that ask for token reviews, or that certificates are issued for"),
		must(part("tokens", &c.Tokens, "How tokens are made")),
		part("identity", &c.Identity, "Which names and groups a cluster is told"),
		part("limits", &c.Limits, "What one user, one address and one request may do"),
		words("trustedProxies", &c.TrustedProxies, "Networks (CIDR) of proxies whose X-Forwarded-For counts; without it none does", network),
		must(part("state", &c.State, "Where sessions and revocations are kept")),
		part("audit", &c.Audit, "One line of JSON for each decision"),
		part("log", &c.Log, "The log for operators, on standard error"),
	}
}

func (l *Listen) fields() []field {
	return []field{
		text("address", &l.Address, "Host and port; without a host it is every address", hostPort),
		file("certificateFile", &l.CertificateFile, "PEM file: the server's certificate and what lies between it and its root. It is read again when it changes"),
		file("keyFile", &l.KeyFile, "PEM file of the certificate's key, which only the service can read"),
		truth("insecurePlainHTTP", &l.InsecurePlainHTTP, "Answer without TLS; taken on a loopback address alone"),
		span("drain", &l.Drain, time.Second, 10*time.Minute, "How long requests may go on after SIGTERM"),
		number("connections", &l.Connections, 16, 1<<20, "Connections at one time; one more closes the one that has been quiet for longest"),
	}
}

func freshMetrics() Metrics { return Metrics{Address: "127.0.0.1:9443"} }

func (m *Metrics) fields() []field {
	return []field{text("address", &m.Address, "Host and port", hostPort)}
}

func freshClient() Client { return Client{} }

func (c *Client) fields() []field {
	return []field{
		must(text("id", &c.ID, "The client's ID, which is the audience of its tokens unless it asks for another")),
		words("audiences", &c.Audiences, "Audiences that it may ask for"),
	}
}

func freshCluster() Cluster { return Cluster{} }

func (c *Cluster) fields() []field {
	return []field{
		must(text("name", &c.Name, "Its name in the path of the review and in requests for certificates", pathName)),
		must(text("audience", &c.Audience, "The audience of the tokens that it accepts")),
		part("callers", &c.Callers, "How the cluster's API server shows who it is when it asks for reviews; without it there are none"),
		option("certificateAuthority", &c.CA, freshAuthority, "Issue client certificates for this cluster; off unless given"),
	}
}

func (c *Callers) fields() []field {
	return []field{
		file("tokenFile", &c.TokenFile, "A file that holds the bearer token of the API server's webhook kubeconfig"),
		file("clientCAFile", &c.ClientCAFile, "PEM file of the authority that signs the API server's client certificate"),
		words("clientNames", &c.ClientNames, "Common or DNS names of that certificate; without it every name will do"),
		truth("insecureAnyone", &c.InsecureAnyone, "Answer whoever asks"),
	}
}

func freshAuthority() Authority { return Authority{Lifetime: time.Hour} }

func (a *Authority) fields() []field {
	return []field{
		must(file("certificateFile", &a.CertificateFile, "PEM file of the authority's certificate, which the API server trusts by --client-ca-file")),
		must(file("keyFile", &a.KeyFile, "PEM file of its key")),
		span("lifetime", &a.Lifetime, 5*time.Minute, day, "The longest life of a certificate; the session's end shortens it. API servers check no revocation list"),
	}
}

func (t *Tokens) fields() []field {
	return []field{
		must(place("keysFolder", &t.KeysFolder, "Folder of the signing keys, which only the service can read; a first key is made where there is none")),
		truth("keysReadOnly", &t.KeysReadOnly, "The folder is mounted and another writes the keys: nothing is written to it"),
		choice("algorithm", &t.Algorithm, "How new keys sign; API servers take no EdDSA", "RS256", "ES256"),
		span("lifetime", &t.Lifetime, time.Minute, time.Hour, "The life of a token"),
		span("session", &t.Session, 10*time.Minute, 30*day, "How long a session renews tokens before the password is asked for again"),
		span("rotation", &t.Rotation, time.Hour, 10*365*day, "How often the signing key changes"),
		size("maxSize", &t.MaxSize, 1<<10, 12<<10, "The largest token; someone in too many groups is told so. Headers of HTTP end near 16 KiB"),
	}
}

func (i *Identity) fields() []field {
	return []field{
		text("prefix", &i.Prefix, "Put before each user name, such as \"corp:\""),
		text("groupPrefix", &i.GroupPrefix, "Put before each group"),
		truth("lowercase", &i.Lowercase, "User names become lower case, so that ALICE and alice are one"),
		words("groups", &i.Groups, "Only groups that one of these patterns matches are told; * stands for any text", glob),
		number("maxGroups", &i.MaxGroups, 1, 5000, "More groups than this refuse a sign-in with a clear error"),
		truth("insecureAllowSystem", &i.InsecureAllowSystem, "Let through names and groups that begin with system:, which Kubernetes keeps for itself"),
	}
}

func (l *Limits) fields() []field {
	return []field{
		number("failuresPerUser", &l.FailuresPerUser, 1, 1000, "Wrong passwords of one user within the window; fewer than the directory's own lockout takes, divided by the names that a user has there"),
		number("failuresPerAddress", &l.FailuresPerAddress, 1, 100000, "Wrong passwords from one address within the window; good ones do not count"),
		span("window", &l.Window, 10*time.Second, day, "How long a failure counts; as long as in the directory's own lockout"),
		size("body", &l.Body, 4<<10, 8<<20, "The largest body of a request"),
	}
}

func (s *State) fields() []field {
	return []field{
		must(place("file", &s.File, "The database, which one process at a time opens; a local disk, no network file system")),
		place("controlFolder", &s.ControlFolder, "Folder of the socket by which the commands reach a running service; by default the file's name with .control"),
	}
}

func (a *Audit) fields() []field {
	return []field{place("file", &a.File, "Appended to, mode 0600; by default standard output")}
}

func (l *Log) fields() []field {
	return []field{choice("level", &l.Level, "What is logged", "debug", "info", "warn", "error")}
}
