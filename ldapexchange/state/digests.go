package state

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/kubecred/kubecred/internal/secret"
)

// maxDigests bounds the passwords that are remembered; the oldest goes first.
const maxDigests = 16 << 10

// maxFolded bounds the work on a name, in bytes.
const maxFolded = 1024

type digest [sha256.Size]byte

// digests are passwords that were refused, under a key that nobody else has
// and that ends with the process.
type digests struct {
	key   []byte
	mu    sync.Mutex
	until map[digest]time.Time
	order []digest // a ring, once it is full
	next  int
}

func newDigests() digests {
	return digests{key: randomBytes(32), until: map[digest]time.Time{}}
}

func (d *digests) of(user string, password secret.Text) (sum digest) {
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(user + "\x00" + password.Reveal()))
	copy(sum[:], mac.Sum(nil))
	return sum
}

func (d *digests) add(sum digest, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.until[sum]; known {
		d.until[sum] = until
		return
	}
	if len(d.order) < maxDigests {
		d.order = append(d.order, sum)
	} else {
		delete(d.until, d.order[d.next])
		d.order[d.next] = sum
		d.next = (d.next + 1) % maxDigests
	}
	d.until[sum] = until
}

func (d *digests) has(sum digest, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Before(d.until[sum])
}

// fold makes one name of those that a directory may take for one: it compares
// without case, without regard to width, invisible characters and blanks
// (RFC 4518), and Active Directory without accents. Two users may fall
// together, and are counted together; one may not fall apart.
func fold(name string) string {
	name = name[:min(len(name), maxFolded)] // the server takes none so long
	var out strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(norm.NFKC.String(strings.ToUpper(name)))) {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.M, r) {
			out.WriteRune(r)
		}
	}
	return out.String()
}
