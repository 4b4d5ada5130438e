package browser

import (
	"errors"
	"os"
	"testing"
)

func TestFindStartsNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	offers := func(programs ...string) launcher {
		return launcher{
			programs: func(string) (list [][]string) {
				for _, name := range programs {
					list = append(list, []string{name, "x"})
				}
				return list
			},
			start: func([]string) (<-chan error, error) { t.Error("a program was started"); return nil, ErrNone },
		}
	}
	if got, err := find("", offers("/no/such", self)); got != self || err != nil {
		t.Errorf("the first that is there: %q, %v", got, err)
	}
	if got, err := find(self, offers()); got != self || err != nil {
		t.Errorf("the command: %q, %v", got, err)
	}
	if _, err := find("", offers()); !errors.Is(err, ErrNone) {
		t.Errorf("nothing: %v", err)
	}
	var launch *LaunchError
	if _, err := find("/no/such", offers(self)); !errors.As(err, &launch) {
		t.Errorf("a command that is not there: %v", err)
	}
}
