package main

// What the person has of kubecred's and kubectl's is looked at before and
// after, so that the last lines of the demonstration are known and not hoped.

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// mark is how a file looked; the zero mark is one that is not there.
type mark struct {
	size     int64
	modified time.Time
}

// snapshot holds marks by path.
type snapshot struct {
	roots []string
	marks map[string]mark
}

// belongings takes a snapshot of the person's kubeconfigs, of kubecred's
// folders and of int128/kubelogin's cache, where a migration would look.
func belongings() (*snapshot, error) {
	var roots []string
	add := func(base string, err error, names ...string) {
		if err == nil {
			roots = append(roots, filepath.Join(append([]string{base}, names...)...))
		}
	}
	home, err := os.UserHomeDir()
	add(home, err, ".kube", "config")
	add(home, err, ".kube", "cache", "oidc-login")
	config, err := os.UserConfigDir()
	add(config, err, "kubecred")
	cache, err := os.UserCacheDir()
	add(cache, err, "kubecred")
	for _, file := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		add(file, nil)
	}
	s := &snapshot{roots: roots}
	s.marks, err = look(roots)
	return s, err
}

// untouched looks again. A lock or a file that another kubecred of the
// person's makes meanwhile shows too: better one false alarm than silence.
func (s *snapshot) untouched() error {
	now, err := look(s.roots)
	if err != nil {
		return err
	}
	for file, m := range now {
		if s.marks[file] != m {
			return fmt.Errorf("%s changed while the demonstration ran", file)
		}
	}
	for file := range s.marks {
		if _, there := now[file]; !there {
			return fmt.Errorf("%s is gone since the demonstration began", file)
		}
	}
	return nil
}

// look marks every file below the roots; what cannot be read is passed over,
// since it cannot be written either.
func look(roots []string) (map[string]mark, error) {
	marks := map[string]mark{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if info, err := entry.Info(); err == nil {
				marks[file] = mark{info.Size(), info.ModTime()}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return marks, nil
}
