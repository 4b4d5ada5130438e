package config

import (
	"bytes"
	"encoding/json"
)

// SchemaURL names the published schema, for editors:
// # yaml-language-server: $schema=URL
const SchemaURL = "https://raw.githubusercontent.com/kubecred/kubecred/main/docs/exchange-config.schema.json"

// Schema returns the JSON schema of a configuration. It is made of what the
// reader knows, so that the two cannot part.
func Schema() []byte {
	s := schemaOf(defaults().fields())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = SchemaURL
	s["title"] = "kubecred-exchange configuration"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // texts, numbers and lists always encode
	}
	return out.Bytes()
}

func schemaOf(fields []field) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		s := f.schema()
		s["description"] = f.doc
		properties[f.key] = s
		if f.required {
			required = append(required, f.key)
		}
	}
	s := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
