package term

// The keys of one line, without a terminal: bytes in, text out.

import "unicode/utf8"

// outcome is what a byte did to a line.
type outcome int

const (
	more      outcome = iota // the line goes on
	submitted                // Enter
	canceled                 // Ctrl-C, or Ctrl-D on an empty line
)

// The bytes that a terminal in raw mode sends for keys.
const (
	ctrlC     = 0x03
	ctrlD     = 0x04
	backspace = 0x08
	ctrlU     = 0x15
	escape    = 0x1b
	del       = 0x7f
)

// editor makes a line of what a raw terminal sends: it erases with backspace
// and Ctrl-U, joins what was pasted over several lines, and drops all other
// keys and control characters.
type editor struct {
	limit int  // bytes
	tabs  bool // a tab is text, as it may be in a pasted password

	text        []byte
	overflow    bool // more than limit was entered
	interrupted bool // the end was Ctrl-C
	pasting     bool // between the marks of a bracketed paste
	sequence    []byte
}

// maxSequence bounds an escape sequence; the ones of keys are shorter.
const maxSequence = 32

func (e *editor) feed(b byte) outcome {
	if len(e.sequence) > 0 && e.continues(b) {
		return more
	}
	switch b {
	case escape:
		e.sequence = append(e.sequence[:0], b)
	case '\r', '\n':
		if !e.pasting {
			return submitted
		}
	case ctrlC:
		e.interrupted = true
		return canceled
	case ctrlD:
		if len(e.text) == 0 {
			return canceled
		}
	case backspace, del:
		_, width := utf8.DecodeLastRune(e.text)
		e.text = e.text[:len(e.text)-width]
	case ctrlU:
		e.text, e.overflow = e.text[:0], false
	default:
		e.insert(b)
	}
	return more
}

// endsRead reports whether a byte may end the answer, so that nothing after it
// may be read yet.
func endsRead(b byte) bool { return b == '\r' || b == '\n' || b == ctrlC || b == ctrlD }

// answer is the line once it was submitted.
func (e *editor) answer() ([]byte, error) {
	if e.overflow {
		return nil, ErrTooLong
	}
	return e.text, nil
}

func (e *editor) insert(b byte) {
	switch {
	case b < ' ' && (b != '\t' || !e.tabs):
	case len(e.text) >= e.limit:
		e.overflow = true
	default:
		e.text = append(e.text, b)
	}
}

// continues reports whether b belongs to the escape sequence that has begun
// (ECMA-48, section 5.4), and ends the sequence where it does not.
func (e *editor) continues(b byte) bool {
	switch {
	case len(e.sequence) == 1 && (b == '[' || b == 'O'):
		e.sequence = append(e.sequence, b)
		return true
	case len(e.sequence) == 1 || b < ' ' || b > '~' || len(e.sequence) >= maxSequence:
		// The Escape key, or something else that is not a sequence: b counts.
		e.sequence = e.sequence[:0]
		return false
	}
	e.sequence = append(e.sequence, b)
	if b >= '@' || e.sequence[1] == 'O' {
		e.finish()
	}
	return true
}

// finish ends a sequence. The marks of a bracketed paste are the only ones
// that mean something.
func (e *editor) finish() {
	switch string(e.sequence) {
	case "\x1b[200~":
		e.pasting = true
	case "\x1b[201~":
		e.pasting = false
	}
	e.sequence = e.sequence[:0]
}
