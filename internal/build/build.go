// Package build says which build of a program runs.
package build

import (
	"runtime"
	"runtime/debug"
)

// Info is what the linker was told. Complete fills empty fields from what the
// Go toolchain recorded.
type Info struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Complete returns i with nothing but Commit and Date left empty.
func (i Info) Complete() Info {
	info, ok := debug.ReadBuildInfo()
	if ok && i.Version == "" {
		i.Version = info.Main.Version
	}
	if i.Version == "" || i.Version == "(devel)" {
		i.Version = "devel"
	}
	i.Go = runtime.Version()
	i.Platform = runtime.GOOS + "/" + runtime.GOARCH
	return i
}
