package doctor

// The settings, and the administrator's policy above them.

import (
	"context"
	"strings"
)

// Rules are what was decided before anything is asked.
type Rules struct {
	Label   string // the entry, for a person; "" where none is known
	Sources string // where its address comes from
	Err     error  // why there are no settings
	Hint    string // what to do about Err

	Policy     string // the policy's file
	PolicyErr  error
	PolicyHint string
	Says       []string // nil where there is no policy
}

// Checks are those of the group "settings".
func (r *Rules) Checks() []Check {
	return []Check{
		{"settings", "entry", fileShare, func(context.Context) Finding { return r.entry() }},
		{"settings", "policy", fileShare, func(context.Context) Finding { return r.policy() }},
	}
}

func (r *Rules) entry() Finding {
	switch {
	case r.Err != nil:
		return failed(r.Err.Error(), r.Hint)
	case r.Label == "":
		return skipped("no entry is named")
	}
	return ok("%s, by %s", r.Label, r.Sources)
}

func (r *Rules) policy() Finding {
	switch {
	case r.PolicyErr != nil:
		return failed(r.PolicyErr.Error(), r.PolicyHint)
	case len(r.Says) == 0:
		return ok("there is none (%s)", r.Policy)
	}
	return note("%s: %s", r.Policy, strings.Join(r.Says, "; "))
}
