package cluster

import (
	"encoding/json"

	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// authentication is the API server's AuthenticationConfiguration: JSON, which is YAML too.
// Anonymous requests are refused, so that a test cannot pass without a credential.
// An exchange's names are taken as they are: it has chosen their prefix.
func authentication(o Options) []byte {
	if o.Authentication != nil {
		return o.Authentication
	}
	type object = map[string]any
	config := object{
		"apiVersion": "apiserver.config.k8s.io/v1",
		"kind":       "AuthenticationConfiguration",
		"anonymous":  object{"enabled": true, "conditions": []object{{"path": "/readyz"}}},
		"jwt": []object{{
			"issuer": object{
				"url":                  o.Issuer,
				"certificateAuthority": string(o.IssuerCA),
				"audiences":            o.Audiences,
				"audienceMatchPolicy":  "MatchAny",
			},
			"claimMappings": object{
				"username": object{"claim": "sub", "prefix": Prefix},
				"groups":   object{"claim": "groups", "prefix": Prefix},
			},
		}},
	}
	if x := o.Exchange; x != nil {
		config["jwt"] = append(config["jwt"].([]object), object{
			"issuer": object{
				"url":                  x.Issuer,
				"certificateAuthority": string(x.CA),
				"audiences":            x.Audiences,
				"audienceMatchPolicy":  "MatchAny",
			},
			"claimMappings": object{
				"username": object{"claim": "preferred_username", "prefix": ""},
				"groups":   object{"claim": "groups", "prefix": ""},
				"uid":      object{"claim": "sub"},
			},
		})
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(err) // strings and maps of strings always marshal
	}
	return text
}

// webhook is the kubeconfig by which the API server asks an exchange about tokens.
func webhook(x *Exchange) []byte {
	config := api.NewConfig()
	config.Clusters["exchange"] = &api.Cluster{Server: x.Review, CertificateAuthorityData: x.ReviewCA}
	config.AuthInfos["api-server"] = &api.AuthInfo{Token: x.Caller}
	config.Contexts["exchange"] = &api.Context{Cluster: "exchange", AuthInfo: "api-server"}
	config.CurrentContext = "exchange"
	text, err := clientcmd.Write(*config)
	if err != nil {
		panic(err) // strings always marshal
	}
	return text
}
