package issuer

import (
	"crypto/sha256"
	"sync"
)

// seenBytes is how many bytes of tokens one generation of seen stands for; two
// are held.
const seenBytes = 4 << 20

// seen remembers the tokens whose signature was right, so that each is
// verified once: an API server asks about the same one again and again, and
// most of a review's time is the signature. It belongs to its key and ends
// with it. What changes with time, or is revoked, is not in it.
type seen struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]*wire // by the digest of the whole token
	bytes      int                         // that young stands for
}

func (s *seen) get(token [sha256.Size]byte) *wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.young[token]; w != nil {
		return w
	}
	return s.old[token]
}

// add forgets the older half where there is no more room.
func (s *seen) add(token [sha256.Size]byte, size int, w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.young == nil || s.bytes+size > seenBytes {
		s.young, s.old, s.bytes = map[[sha256.Size]byte]*wire{}, s.young, 0
	}
	s.young[token] = w
	s.bytes += size
}
