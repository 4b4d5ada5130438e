package main

// Files are watched by looking at them every few seconds. There is no portable
// event that fits: Kubernetes changes a mounted file by turning a link two
// folders above it, and editors write another file and rename it.

import (
	"context"
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"time"
)

// lookEvery is how soon a change of a file is noticed.
const lookEvery = 5 * time.Second

// maxWatched bounds how much of a file is looked at, in bytes.
const maxWatched = 16 << 20

// prints are what files held, by their paths; the zero print is one that could
// not be read.
type prints map[string][sha256.Size]byte

func printsOf(files []string) prints {
	p := prints{}
	for _, path := range files {
		p[path] = printOf(path)
	}
	return p
}

// printOf reads regular files alone: a pipe would block.
func printOf(path string) (sum [sha256.Size]byte) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return sum
	}
	f, err := os.Open(path)
	if err != nil {
		return sum
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxWatched)); err != nil {
		return sum
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (p prints) same(other prints) bool { return maps.Equal(p, other) }

// of returns the prints of files: those of p where there are any, since what
// has changed after them was perhaps not read yet.
func (p prints) of(files []string) prints {
	next := prints{}
	for _, path := range files {
		sum, known := p[path]
		if !known {
			sum = printOf(path)
		}
		next[path] = sum
	}
	return next
}

// watch calls changed at each tick at which one of the files holds something
// else than at the tick before. files is asked each time.
func watch(ctx context.Context, tick <-chan time.Time, files func() []string, changed func()) {
	seen := printsOf(files())
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			now := printsOf(files())
			if !now.same(seen) {
				changed()
				now = now.of(files()) // others may be named now
			}
			seen = now
		}
	}
}
