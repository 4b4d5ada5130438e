package state

import (
	"context"
	"encoding/json"
)

// remains are what a session's revocation keeps of it: whose it was, and by what
// its tokens are known, so that whoever goes on with one can be named.
type remains struct {
	User   string `json:"user"`
	TagKey []byte `json:"tagKey"`
}

// remainsOf is what to keep of a session, which may be none or have ended. One
// that cannot be read can be revoked all the same.
func (s *Sessions) remainsOf(ctx context.Context, id string) []byte {
	r, _, _ := s.load(ctx, id)
	if len(r.TagKey) == 0 {
		return nil
	}
	data, err := json.Marshal(remains{r.User, r.TagKey})
	if err != nil {
		return nil
	}
	return data
}

// ended returns what is known of a session that is not there any more; nothing
// as a rule.
func (s *Sessions) ended(ctx context.Context, id string) record {
	var left remains
	e, err := s.store.Get(ctx, sessionKey(id))
	if err != nil || json.Unmarshal(e.Value, &left) != nil {
		return record{}
	}
	return record{Session: Session{ID: id, User: left.User}, TagKey: left.TagKey}
}
