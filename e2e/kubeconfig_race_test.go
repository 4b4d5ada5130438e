package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	ours "github.com/kubecred/kubecred/internal/kubeconfig"
)

// kubectl config changes a kubeconfig at the same time as we do. Whatever kubectl wrote is still there at the end,
// and so is who was there before. The other way round kubectl gives no such promise: it reads before it takes the
// lock, and takes out what came in between (client-go, clientcmd.ModifyConfig).
func TestKubectlConfigAtTheSameTime(t *testing.T) {
	const rounds = 25
	path, program := file(t, plain), kubectl(t)
	set := func(i int) error {
		cmd := exec.Command(program, "config", "set-credentials", fmt.Sprintf("theirs%d", i), "--token=t")
		cmd.Env = append(os.Environ(), "KUBECONFIG="+path)
		return cmd.Run()
	}
	seal := func(name string) error {
		_, err := ours.Edit(t.Context(), path, func(d *ours.Document) error { return d.SetExec(name, sealedExec) })
		return err
	}
	met := 0
	for i := range rounds {
		theirs := make(chan error)
		go func() {
			err := set(i)
			for n := 0; err != nil && n < 100; n++ { // it met our lock, for which it does not wait
				met++
				err = set(i)
			}
			theirs <- err
		}()
		for n, running := 0, true; running; n++ {
			if err := seal(fmt.Sprintf("ours%d-%d", i, n)); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-theirs:
				if running = false; err != nil {
					t.Fatalf("kubectl does not get its turn: %v", err)
				}
			case <-time.After(10 * time.Millisecond): // the lock is free for a while
			}
		}
	}
	if err := seal("last"); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	config := theirs(t, string(data))
	names := []string{"alice", "bob", "dora", "emil", "007", "last"}
	for i := range rounds {
		names = append(names, fmt.Sprintf("theirs%d", i))
	}
	for _, name := range names {
		if config.AuthInfos[name] == nil {
			t.Errorf("%s is lost", name)
		}
	}
	t.Logf("kubectl met our lock %d times, and changed the file %d times; of our users it left %d", met, rounds, len(config.AuthInfos)-len(names))
	if _, err := os.Lstat(path + ".lock"); err == nil {
		t.Error("a lock stayed")
	}
}
