package cluster

import (
	"encoding/json"
)

// authentication is the API server's AuthenticationConfiguration: JSON, which is YAML too.
// Anonymous requests are refused, so that a test cannot pass without a credential.
func authentication(o Options) []byte {
	type object = map[string]any
	config := object{
		"apiVersion": "apiserver.config.k8s.io/v1",
		"kind":       "AuthenticationConfiguration",
		"anonymous":  object{"enabled": true, "conditions": []object{{"path": "/readyz"}}},
	}
	if o.Issuer != "" {
		mappings := object{
			"username": object{"claim": "sub", "prefix": Prefix},
			"groups":   object{"claim": "groups", "prefix": Prefix},
		}
		if o.Plain {
			mappings = object{
				"username": object{"claim": "preferred_username", "prefix": ""},
				"groups":   object{"claim": "groups", "prefix": ""},
				"uid":      object{"claim": "sub"},
			}
		}
		config["jwt"] = []object{{
			"issuer": object{
				"url":                  o.Issuer,
				"certificateAuthority": string(o.IssuerCA),
				"audiences":            o.Audiences,
				"audienceMatchPolicy":  "MatchAny",
			},
			"claimMappings": mappings,
		}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // strings and maps of strings always marshal
	}
	return text
}
