package keyring

import (
	"fmt"
	"os"
	"testing"
)

// The test binary runs itself again for what needs a process of its own: a
// bus in the environment, a new session keyring, another user.
const childEnv = "KUBECRED_KEYRING_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	child, ok := children()[name]
	if !ok {
		fmt.Println("no such child:", name)
		os.Exit(2)
	}
	if err := child(); err != nil {
		fmt.Println("child failed:", err)
		os.Exit(1)
	}
}
