package kubeconfig

import (
	"path/filepath"
	"testing"
)

func TestAuthority(t *testing.T) {
	there := write(t, "PEM")[0]
	for name, test := range map[string]struct {
		cluster Cluster
		want    string
		ok      bool
	}{
		"the system's":    {Cluster{}, "", true},
		"data":            {Cluster{CAData: []byte("DATA")}, "DATA", true},
		"a file":          {Cluster{CAFile: there}, "PEM", true},
		"data and a file": {Cluster{CAData: []byte("DATA"), CAFile: there + "-not"}, "DATA", true},
		"no such file":    {Cluster{CAFile: there + "-not"}, "", false},
		"a folder":        {Cluster{CAFile: filepath.Dir(there)}, "", false},
	} {
		if got, err := test.cluster.Authority(); string(got) != test.want || (err == nil) != test.ok {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
