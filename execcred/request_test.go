package execcred

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	config := `{"audience":"a"}`
	tests := []struct {
		name, info  string
		version     APIVersion
		present     bool
		interactive bool
		config      string
	}{
		{"unset", "", V1, false, false, ""},
		{"blank", " \n", V1, false, false, ""},
		{"v1", `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}` + "\n", V1, true, true, ""},
		{"v1beta1", `{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{"interactive":false}}`, V1Beta1, true, false, ""},
		{"no version", `{"spec":{"interactive":true}}`, V1, true, true, ""},
		{"no spec", `{"apiVersion":"client.authentication.k8s.io/v1beta1"}`, V1Beta1, true, false, ""},
		{".NET's kind", `{"kind":"ExecCredentials","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}`, V1, true, true, ""},
		{"unknown fields", `{"apiVersion":"client.authentication.k8s.io/v1","x":[1],"spec":{"interactive":true,"y":{}}}`, V1, true, true, ""},
		{"a spec of another shape", `{"spec":[1,2]}`, V1, true, false, ""},
		{"interactive of another shape", `{"spec":{"interactive":"true"}}`, V1, true, false, ""},
		{"a null spec", `{"apiVersion":null,"spec":null}`, V1, true, false, ""},
		{"cluster", `{"spec":{"cluster":{"server":"https://s","config":` + config + `}}}`, V1, true, false, config},
		{"cluster of another shape", `{"spec":{"cluster":"c","interactive":true}}`, V1, true, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseRequest(test.info, V1)
			if err != nil {
				t.Fatal(err)
			}
			if got.APIVersion != test.version || got.Present != test.present || got.Interactive != test.interactive {
				t.Errorf("got %+v", got)
			}
			if (got.Cluster != nil) != (test.config != "") {
				t.Fatalf("cluster = %v", got.Cluster)
			}
			if got.Cluster != nil && string(got.Cluster.Config) != test.config {
				t.Errorf("config = %s", got.Cluster.Config)
			}
		})
	}
}

func TestParseRequestFallsBack(t *testing.T) {
	if got, err := ParseRequest("", V1Beta1); err != nil || got.APIVersion != V1Beta1 {
		t.Errorf("got %v, %v", got.APIVersion, err)
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for _, info := range []string{`{`, `[]`, `"x"`, `canary`, `{"spec":{}} trailing`} {
		_, err := ParseRequest(info, V1)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: error %v", info, err)
		}
	}
}

// An unknown version fails and names both that it speaks.
func TestUnknownVersion(t *testing.T) {
	_, err := ParseRequest(`{"apiVersion":"client.authentication.k8s.io/v1alpha1"}`, V1)
	var version *VersionError
	if !errors.As(err, &version) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{"k8s.io/v1alpha1", string(V1), string(V1Beta1)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
	for _, hostile := range []string{"\x1b[31mred", "v2\nerror: x", strings.Repeat("a", 65)} {
		if _, err := ParseAPIVersion(hostile); err == nil || strings.Contains(err.Error(), hostile) {
			t.Errorf("%q is repeated: %v", hostile, err)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true,"cluster":{"server":"s","config":{}}}}`)
	f.Add(`{"apiVersion":"client.authentication.k8s.io/v1beta1"}`)
	f.Add(`{"spec":{"interactive":1e999}}`)
	f.Fuzz(func(t *testing.T, info string) {
		req, err := ParseRequest(info, V1)
		if err == nil && req.APIVersion != V1 && req.APIVersion != V1Beta1 {
			t.Errorf("version %q", req.APIVersion)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("control characters in %q", err)
		}
	})
}
