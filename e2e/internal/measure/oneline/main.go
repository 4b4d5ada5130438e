// Command oneline prints one line: the least that any Go program costs.
package main

import "os"

func main() { os.Stdout.WriteString("one line\n") }
