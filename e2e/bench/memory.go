package main

import (
	"context"
	"fmt"
	"time"

	"github.com/kubecred/kubecred/e2e/internal/load"
)

// memoryTime is what all the sign-ins may take whose memory is measured.
const memoryTime = 40 * time.Second

// signedIn are the numbers of sign-ins after which memory is looked at.
func signedIn() []int64 { return []int64{1_000, 10_000, 100_000} }

// grown is what an exchange has in memory after so many sign-ins.
type grown struct {
	logins int64
	memory load.Memory
}

// measureMemory signs in until it has been done often enough, or for long enough: the last number says how
// often. Nothing is encrypted, which is quicker and of no matter here.
func (w *workshop) measureMemory(ctx context.Context) (all []grown, err error) {
	if w.directory == nil {
		return nil, nil
	}
	progress("memory: up to %d sign-ins in %s", signedIn()[len(signedIn())-1], memoryTime)
	x, err := w.directory.Exchange(ctx, w.program("exchange"), "ES256", true)
	if err != nil {
		return nil, err
	}
	defer x.Stop()
	at, err := load.LoginsAt(x)
	if err != nil {
		return nil, err
	}
	defer at.Done()
	var done int64
	for began, i := time.Now(), 0; i < len(signedIn()) && time.Since(began) < memoryTime; i++ {
		n, _, err := load.Rate(ctx, memoryTime-time.Since(began), signedIn()[i]-done, load.Workers, at.Do)
		if err != nil {
			return nil, err
		}
		done += n
		memory, err := load.MemoryOf(x.Pid())
		if err != nil {
			return nil, err
		}
		all = append(all, grown{done, memory})
	}
	return all, nil
}

func (r *results) memoryTable() *table {
	t := &table{left: 1, head: []string{"sign-ins", "resident", "of that, the process's own", "× the second", "pages of files"}}
	for i, g := range r.memory {
		growth := ""
		if i > 0 {
			growth = ratio(float64(g.memory.Own) / float64(r.memory[1].memory.Own))
		}
		t.add(grouped(g.logins), mebibytes(g.memory.Own+g.memory.Files), mebibytes(g.memory.Own), growth, mebibytes(g.memory.Files))
	}
	if len(r.memory) == 0 {
		t.add("the exchange", "skipped: "+r.lacksDirectory)
	}
	return t
}

// memoryGoal is about the last two numbers of three.
func (r *results) memoryGoal(t *table) {
	if len(r.memory) < 3 {
		t.add("memory stays flat over sign-ins", "skipped: "+r.lacksDirectory)
		return
	}
	second, last := r.memory[1], r.memory[2]
	growth := float64(last.memory.Own) / float64(second.memory.Own)
	t.add(fmt.Sprintf("its own memory after %s sign-ins is within 1.3 × that after %s", grouped(last.logins), grouped(second.logins)),
		ratio(growth), met(growth <= goalFlat))
}
