package term

// The console of a Windows process. Keys are read as input records, since a
// read of characters cannot be given up, and would take the answer to the next
// prompt.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

type device struct{ in, out windows.Handle }

func openDevice() (*device, error) {
	in, err := openConsole("CONIN$")
	if err != nil {
		return nil, err
	}
	out, err := openConsole("CONOUT$")
	if err != nil {
		return nil, errors.Join(err, windows.CloseHandle(in))
	}
	return &device{in, out}, nil
}

func openConsole(name string) (windows.Handle, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return handle, nil
}

func (d *device) close() error {
	return errors.Join(windows.CloseHandle(d.in), windows.CloseHandle(d.out))
}

// foreground is always true: a console has no jobs.
func (d *device) foreground() bool { return true }

func inForeground(int) bool { return true }

// interruptGroup does what the console does for Ctrl-C.
func interruptGroup() { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0) }

// session is the time of one prompt, in raw mode.
type session struct {
	*device
	ctx             context.Context // a session lives as long as its prompt
	inMode, outMode uint32
	sequences       bool // the console understands escape sequences
	ended           windows.Handle
	unwatch         func() bool
	half            rune // the first half of a surrogate pair
}

func (d *device) show(text string) error {
	wide, err := windows.UTF16FromString(strings.ReplaceAll(text, "\x00", ""))
	if err != nil {
		return err
	}
	var written uint32
	return windows.WriteConsole(d.out, &wide[0], uint32(len(wide)-1), &written, nil)
}

func (d *device) begin(ctx context.Context) (*session, error) {
	s := &session{device: d, ctx: ctx}
	if err := windows.GetConsoleMode(d.in, &s.inMode); err != nil {
		return nil, fmt.Errorf("cannot read the console's settings: %w", err)
	}
	if err := windows.GetConsoleMode(d.out, &s.outMode); err != nil {
		return nil, fmt.Errorf("cannot read the console's settings: %w", err)
	}
	ended, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	s.ended = ended
	if err := s.setRaw(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot prepare the console: %w", err), windows.CloseHandle(ended))
	}
	s.unwatch = context.AfterFunc(ctx, func() { _ = windows.SetEvent(ended) })
	return s, nil
}

// setRaw asks for escape sequences too, for the marks of a paste. Old consoles
// refuse that, and pass on keys without them.
func (s *session) setRaw() error {
	raw := s.inMode &^ (windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT)
	if windows.SetConsoleMode(s.in, raw|windows.ENABLE_VIRTUAL_TERMINAL_INPUT) != nil {
		return windows.SetConsoleMode(s.in, raw)
	}
	s.sequences = windows.SetConsoleMode(s.out, s.outMode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
	return nil
}

func (s *session) end() {
	_ = windows.SetConsoleMode(s.in, s.inMode)
	_ = windows.SetConsoleMode(s.out, s.outMode)
	// Where the context has ended already, its event may be set after this;
	// the handle then stays until the program ends, which is soon.
	if s.unwatch() {
		_ = windows.CloseHandle(s.ended)
	}
}

func (s *session) width() int {
	width, _, err := term.GetSize(int(s.out))
	if err != nil {
		return 0
	}
	return width
}

// pastes reports whether the console can be asked to mark what is pasted.
func (s *session) pastes() bool { return s.sequences }

// read returns what was typed since, at least a byte, and nothing that follows
// the answer.
func (s *session) read() ([]byte, error) {
	var typed []byte
	for len(typed) == 0 || !endsRead(typed[len(typed)-1]) {
		if len(typed) > 0 {
			var pending uint32
			if windows.GetNumberOfConsoleInputEvents(s.in, &pending) != nil || pending == 0 {
				break
			}
		}
		if err := s.await(); err != nil {
			return nil, err
		}
		record, err := readRecord(s.in)
		if err != nil {
			return nil, fmt.Errorf("cannot read from the console: %w", err)
		}
		typed = s.add(typed, record)
	}
	return typed, nil
}

// await returns nil when the console has an input record.
func (s *session) await() error {
	which, err := windows.WaitForMultipleObjects([]windows.Handle{s.ended, s.in}, false, windows.INFINITE)
	switch {
	case err != nil:
		return fmt.Errorf("cannot wait for the console: %w", err)
	case which == windows.WAIT_OBJECT_0:
		return s.ctx.Err()
	}
	return nil
}

func (s *session) Write(p []byte) (int, error) {
	text := utf16.Encode([]rune(string(p)))
	if len(text) == 0 {
		return 0, nil
	}
	var written uint32
	if err := windows.WriteConsole(s.out, &text[0], uint32(len(text)), &written, nil); err != nil {
		return 0, fmt.Errorf("cannot write to the console: %w", err)
	}
	return len(p), nil
}

// inputRecord is INPUT_RECORD with a KEY_EVENT_RECORD in it.
type inputRecord struct {
	kind    uint16
	_       uint16
	down    int32
	repeat  uint16
	key     uint16
	_       uint16 // the scan code
	char    uint16
	control uint32
}

const (
	keyEvent = 1    // KEY_EVENT
	menuKey  = 0x12 // VK_MENU: Alt with digits gives its character when it is released
)

func readRecord(in windows.Handle) (inputRecord, error) {
	read := windows.NewLazySystemDLL("kernel32.dll").NewProc("ReadConsoleInputW")
	var record inputRecord
	var n uint32
	ok, _, err := read.Call(uintptr(in), uintptr(unsafe.Pointer(&record)), 1, uintptr(unsafe.Pointer(&n)))
	if ok == 0 {
		return inputRecord{}, err
	}
	return record, nil
}

// add appends the characters of a key press, as UTF-8.
func (s *session) add(typed []byte, r inputRecord) []byte {
	if r.kind != keyEvent || r.char == 0 || (r.down == 0 && r.key != menuKey) {
		return typed
	}
	char := rune(r.char)
	if utf16.IsSurrogate(char) {
		first := s.half
		if s.half = 0; first == 0 {
			s.half = char
			return typed
		}
		char = utf16.DecodeRune(first, char)
	}
	for range max(r.repeat, 1) {
		typed = utf8.AppendRune(typed, char)
	}
	return typed
}
